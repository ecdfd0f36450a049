using System.Text.Json.Serialization.Metadata;
using OrleansLLM.Gateway.Answers;
using OrleansLLM.Gateway.Http;
using OrleansLLM.Gateway.OpenAI;
using OrleansLLM.Gateway.Requests;
using OrleansLLM.Text;

namespace OrleansLLM.Gateway.Endpoints;

/// <summary>How an endpoint writes its answers, whole and in chunks.</summary>
internal interface IAnswerShape<TWhole, TChunk> : IChunkShape<TChunk>
    where TChunk : class
{
    /// <summary>Of <see cref="WireJson.AsItIs"/>.</summary>
    JsonTypeInfo<TWhole> WholeType { get; }

    TWhole Whole(IReadOnlyList<Choice> choices, IReadOnlyList<CollectedAnswer> answers, Usage usage);
}

/// <summary>The way that both generating endpoints go: read, submit, answer; or go on with an answer, where the client says how far it has it.</summary>
internal static class GenerationEndpoint
{
    public static async ValueTask<ApiError?> HandleAsync<TWhole, TChunk>(
        GatewayCall call,
        AnswerKind kind,
        Func<RequestFields, ServedModel, GenerationInput?> read,
        Func<Answer, IAnswerShape<TWhole, TChunk>> shapeOf)
        where TChunk : class
    {
        if (Sequences.LastEventId(call) is { } last)
        {
            return await Sequences.ResumeAsync(call, last);
        }

        var (headers, error) = AnswerHeaders.Read(call.Context.Request.Headers);
        (var input, error) = headers is null ? error! : await RequestBody.ReadAsync(call, read);
        error ??= WhyForbidden(call, input!);
        if (error is not null)
        {
            return error;
        }

        await using var submission = new Submission(call, kind, input!, headers!);
        using var held = call.Server.Answers.Open();
        (var answer, error) = await submission.SubmitAsync(held);
        if (answer is null)
        {
            return error;
        }

        call.Context.Response.Headers[AnswerHeaders.Id] = answer.Id.ToString();
        var cursor = answer.Start;
        var reading = new AnswerReading(call, answer, cursor, held) { OnStart = submission.OnStart };
        return input!.Stream is { } options
            ? await StreamAsync(call, reading, options, shapeOf(answer), cursor)
            : await AnswerAsync(call, answer, reading, shapeOf(answer));
    }

    private static ApiError? WhyForbidden(GatewayCall call, GenerationInput input) =>
        input.Settings.Priority == 0 || call.Caller.Priority == PriorityRight.Free
            ? null
            : ApiError.Forbidden(
                "`priority` may be set by this server's priority keys (--priority-api-key) only: leave it out, or send one of them.",
                "priority_not_allowed",
                Limits.Priority.Field);

    /// <summary>Streams what behind the cursor there is of an answer.</summary>
    public static async ValueTask<ApiError?> StreamAsync<TChunk>(
        GatewayCall call, AnswerReading reading, StreamOptions options, IChunkShape<TChunk> shape, StreamCursor cursor)
        where TChunk : class
    {
        await using var stream = new AnswerStream<TChunk>(call, options, shape, cursor);
        try
        {
            await stream.OpenAsync();
        }
        catch (OperationCanceledException) when (call.Aborted.IsCancellationRequested)
        {
            // Its readers come and leave, which is how its sequences learn that nobody reads them.
        }

        if (await reading.ReadAsync(stream) is { } failed)
        {
            return failed;
        }

        await stream.CloseAsync(options.Usage == UsageReport.None || cursor.HasUsage ? null : await reading.GetUsageAsync());
        return null;
    }

    private static async ValueTask<ApiError?> AnswerAsync<TWhole, TChunk>(
        GatewayCall call, Answer answer, AnswerReading reading, IAnswerShape<TWhole, TChunk> shape)
        where TChunk : class
    {
        var collector = new AnswerCollector(answer.Choices);
        if (await reading.ReadAsync(collector) is { } failed)
        {
            return failed;
        }

        var whole = shape.Whole(reading.Choices, collector.Answers, await reading.GetUsageAsync());
        await (answer.Input.Shape is { Logprobs: null, PromptLogprobs: null }
            ? Responses.WriteAsync(call.Context, StatusCodes.Status200OK, whole, shape.WholeType)
            : Responses.WriteLargeAsync(call.Context, whole, shape.WholeType));
        return null;
    }
}
