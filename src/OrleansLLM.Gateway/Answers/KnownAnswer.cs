using System.Runtime.InteropServices;
using OrleansLLM.Gateway.Http;
using OrleansLLM.Gateway.Requests;
using OrleansLLM.Text;

namespace OrleansLLM.Gateway.Answers;

/// <summary>An answer that is found by its id, as its requests' envelopes tell of it.</summary>
/// <param name="Sequences">Those that are still known.</param>
internal sealed record KnownAnswer(Answer Answer, IReadOnlySet<SequenceId> Sequences)
{
    /// <summary>
    /// An error where there is none that the caller may read: an id of another caller's is as unknown as one that never was.
    /// </summary>
    /// <param name="held">Takes what is made of the envelopes.</param>
    public static async ValueTask<Outcome<KnownAnswer>> FindAsync(GatewayCall call, AnswerId id, ByteReservation held)
    {
        var first = await FindAsync(call, id.Request);
        if (first is not { Envelope: { } envelope } || envelope.Kind != id.Kind || envelope.Requests[0] != id.Request.ToString())
        {
            return ApiError.UnknownAnswer(id.ToString());
        }

        var others = await Task.WhenAll(envelope.Requests.Skip(1).Select(request => FindAsync(call, IdOf(request)).AsTask()));
        List<Part> parts = [first, .. others.OfType<Part>()];
        if (parts.Count < envelope.Requests.Count)
        {
            return ApiError.UnknownAnswer(id.ToString());
        }

        if (!parts.TrueForAll(part => held.TryAdd(sizeof(char) * (long)part.Known.Request.Envelope.Length)))
        {
            return AnswerReading.NoRoom(call);
        }

        var found = call.Server.FindModel(first.Known.Request.Model);
        return found.Value is { } model
            ? new KnownAnswer(
                Restore(id, model, parts), parts.SelectMany(part => part.Known.Sequences).ToHashSet())
            : found.Error!;
    }

    /// <summary>The hash of the body that asked for it.</summary>
    public byte[] BodyHash => Answer.Input.BodyHash;

    /// <summary>Whether all that the client does not have can still be read.</summary>
    public bool HasRestOf(StreamCursor cursor) => Enumerable.Range(cursor.Of.Choice ?? 0, cursor.Choices)
        .All(choice => cursor[choice].Stage == ChoiceStage.Ended || Sequences.Contains(Answer.SequenceOf(choice)));

    private static async ValueTask<Part?> FindAsync(GatewayCall call, RequestId id) =>
        await call.Server.Generator.FindAsync(id, call.Aborted) is { } known
        && known.Request.Tenant == call.Caller.Tenant
        && Envelope.Read(known.Request.Envelope.Span) is { } envelope
            ? new Part(known, envelope)
            : null;

    private static RequestId IdOf(string request) => RequestId.TryParse(request, out var id) ? id : default;

    private static Answer Restore(AnswerId id, ServedModel model, List<Part> parts)
    {
        var (request, envelope) = (parts[0].Known.Request, parts[0].Envelope);
        var settings = new GenerationSettings
        {
            Samples = request.Samples,
            Sampling = request.Sampling,
            ClientStops = envelope.ClientStops,
            StopTokenIds = request.StopTokenIds,
            MinTokens = request.MinTokens,
        };
        var prompts = parts.Select(part => new Prompt(IdsOf(part.Known.Request.PromptIds), part.Envelope.Echo, part.Known.Request.MaxTokens));
        var input = new GenerationInput(model, envelope.ModelName, [.. prompts], settings, envelope.Shape, envelope.Stream, envelope.BodyHash);
        return new Answer(id, envelope.Created, input, [.. parts.Select(part => part.Known.Request)]);
    }

    /// <summary>Without a copy where they are an array already.</summary>
    private static int[] IdsOf(ReadOnlyMemory<int> ids) =>
        MemoryMarshal.TryGetArray(ids, out var array) && array is { Offset: 0, Array: { } whole } && whole.Length == array.Count ? whole : ids.ToArray();

    private sealed record Part(KnownRequest Known, Envelope Envelope);
}
