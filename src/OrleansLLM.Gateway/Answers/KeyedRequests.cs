using OrleansLLM.Gateway.Http;
using OrleansLLM.Gateway.Requests;

namespace OrleansLLM.Gateway.Answers;

/// <summary>The requests that an idempotency key stands for.</summary>
internal static class KeyedRequests
{
    /// <summary>Failed answers behind which the next one is looked for.</summary>
    private const int MostAttempts = 16;

    /// <summary>
    /// Their ids, one a prompt, whether they are known or to be made: without a store, for they are made of the key. An answer that failed leaves
    /// the key to the next one, whose tokens are the same. An error where the key stands for another body.
    /// </summary>
    public static async ValueTask<Outcome<RequestId[]>> ChooseAsync(GatewayCall call, IdempotencyKey key, GenerationInput input)
    {
        for (var attempt = 0; attempt < MostAttempts; attempt++)
        {
            RequestId[] ids = [.. input.Prompts.Select((_, index) => call.Server.Secret.RequestOf(key, index, attempt))];
            var found = await Task.WhenAll(ids.Select(id => call.Server.Generator.FindAsync(id, call.Aborted).AsTask()));
            List<KnownRequest> known = [.. found.OfType<KnownRequest>()];
            if (await HasFailedAsync(call, known))
            {
                continue;
            }

            return known.TrueForAll(request => HasBody(request, input.BodyHash))
                ? ids
                : ApiError.OtherBody(AnswerHeaders.KeyName);
        }

        return ApiError.Http(
            StatusCodes.Status409Conflict, $"The last {MostAttempts} answers to this `{AnswerHeaders.KeyName}` failed: use another key, or wait some minutes.");
    }

    private static bool HasBody(KnownRequest request, byte[] hash) =>
        Envelope.Read(request.Request.Envelope.Span) is { } envelope && envelope.BodyHash.AsSpan().SequenceEqual(hash);

    private static async ValueTask<bool> HasFailedAsync(GatewayCall call, List<KnownRequest> known)
    {
        foreach (var sequence in known.SelectMany(request => request.Sequences.Where(id => id.Index < request.Request.Samples)))
        {
            var description = await call.Server.Generator.DescribeAsync(sequence, call.Aborted);
            if (description is { End.Reason: not (FinishReason.Stop or FinishReason.Length) })
            {
                return true;
            }
        }

        return false;
    }
}
