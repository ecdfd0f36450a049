using OrleansLLM.Gateway.Answers;
using OrleansLLM.Gateway.Http;
using OrleansLLM.Gateway.Requests;

namespace OrleansLLM.Gateway.Endpoints;

/// <summary>Answers by their ids: to go on with one, to follow one beside others, to end one.</summary>
internal static class Sequences
{
    private const string LastEventIdName = "Last-Event-ID";
    private const string AfterName = "after";

    /// <summary>What a client says that it has; null where it says nothing.</summary>
    public static string? LastEventId(GatewayCall call) => call.Context.Request.Headers[LastEventIdName].ToString() is { Length: > 0 } id ? id : null;

    /// <summary>Goes on with the answer of an event's id, for who sends the same request again.</summary>
    public static async ValueTask<ApiError?> ResumeAsync(GatewayCall call, string lastEventId)
    {
        var (hash, error) = await RequestBody.HashAsync(call);
        if (hash is null)
        {
            return error;
        }

        if (StreamCursor.Parse(lastEventId) is not { } cursor)
        {
            return NoCursor(LastEventIdName);
        }

        using var held = call.Server.Answers.Open();
        (var known, error) = await KnownAnswer.FindAsync(call, cursor.Of.Answer, held);
        if (known is null)
        {
            return error;
        }

        return known.BodyHash.SequenceEqual(hash)
            ? await StreamAsync(call, known, cursor.Of, cursor, LastEventIdName, held)
            : ApiError.OtherBody(LastEventIdName);
    }

    /// <summary>An answer's events, or those of one choice, behind what the client has, or from the start.</summary>
    public static async ValueTask<ApiError?> FollowAsync(GatewayCall call)
    {
        // A browser that connects again sends the header with the address that it had.
        var (header, query) = (LastEventId(call), call.Context.Request.Query[AfterName].ToString());
        var (name, after) = header is null ? (AfterName, query) : (LastEventIdName, header);
        using var held = call.Server.Answers.Open();
        var (address, (known, error)) = await FindAsync(call, held);
        if (known is null)
        {
            return error;
        }

        var cursor = after.Length > 0 ? StreamCursor.Parse(after) : known.Answer.Start;
        return cursor is null ? NoCursor(name) : await StreamAsync(call, known, address, cursor, name, held);
    }

    /// <summary>Ends what still runs of an answer, or of one choice.</summary>
    public static async ValueTask<ApiError?> CancelAsync(GatewayCall call)
    {
        using var held = call.Server.Answers.Open();
        var (address, (known, error)) = await FindAsync(call, held);
        if (known is null)
        {
            return error;
        }

        if (address.Choice is { } choice)
        {
            if (choice >= known.Answer.Choices)
            {
                return ApiError.UnknownAnswer(address.ToString());
            }

            await call.Server.Generator.FinishAsync(known.Answer.SequenceOf(choice), int.MaxValue, FinishReason.Cancelled, call.Aborted);
        }
        else
        {
            foreach (var request in known.Answer.Requests)
            {
                await call.Server.Generator.CancelAsync(request.Id, call.Aborted);
            }
        }

        call.Context.Response.StatusCode = StatusCodes.Status204NoContent;
        return null;
    }

    /// <summary>The answer, or the choice of one, that the path names.</summary>
    private static async ValueTask<(AnswerAddress Address, Outcome<KnownAnswer> Found)> FindAsync(GatewayCall call, ByteReservation held)
    {
        var id = (string)call.Context.Request.RouteValues["id"]!;
        return AnswerAddress.TryParse(id, out var address)
            ? (address, await KnownAnswer.FindAsync(call, address.Answer, held))
            : (address, ApiError.UnknownAnswer(id));
    }

    private static async ValueTask<ApiError?> StreamAsync(
        GatewayCall call, KnownAnswer known, AnswerAddress address, StreamCursor given, string name, ByteReservation held)
    {
        var answer = known.Answer.AsStream;
        if (address.Choice >= answer.Choices)
        {
            return ApiError.UnknownAnswer(address.ToString());
        }

        if (Place(answer, address, given) is not { } cursor)
        {
            return NoCursor(name);
        }

        if (!known.HasRestOf(cursor))
        {
            return ApiError.UnknownAnswer(address.ToString());
        }

        call.Context.Response.Headers[AnswerHeaders.Id] = answer.Id.ToString();
        if (HttpMethods.IsHead(call.Context.Request.Method))
        {
            SseStream.WriteHead(call.Context.Response);
            return null;
        }

        var reading = new AnswerReading(call, answer, cursor, held);
        var options = answer.Input.Stream!;
        return answer.Id.Kind == AnswerKind.Chat
            ? await GenerationEndpoint.StreamAsync(call, reading, options, ChatCompletions.ShapeOf(answer), cursor)
            : await GenerationEndpoint.StreamAsync(call, reading, options, Completions.ShapeOf(answer), cursor);
    }

    /// <summary>The cursor of what is followed; null where the one that was given is of something else.</summary>
    private static StreamCursor? Place(Answer answer, AnswerAddress address, StreamCursor given) =>
        given.Of.Answer != answer.Id || (given.Of.Choice is null && given.Choices != answer.Choices) ? null
        : given.Of == address ? given
        : given.Of.Choice is null && address.Choice is { } choice ? given.Only(choice)
        : null;

    private static ApiError NoCursor(string name) => ApiError.Invalid(
        name, $"`{name}` is not the id of an event of this answer: send the last one that you got, as it was.", "invalid_event_id");
}
