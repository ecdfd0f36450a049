using System.Collections.Concurrent;
using System.Diagnostics;
using System.Security.Cryptography;
using OrleansLLM.Gateway.Http;
using OrleansLLM.Gateway.Requests;

namespace OrleansLLM.Gateway.Answers;

/// <summary>
/// The way of an answer's requests into the generator, all of them or none: what fails before it is accepted is cancelled. POSTs with one
/// idempotency key make the same requests, so that they are one answer.
/// </summary>
internal sealed class Submission(GatewayCall call, AnswerKind kind, GenerationInput input, AnswerHeaders headers) : IAsyncDisposable
{
    private readonly ByteReservation _waiting = call.Server.Waiting.Open();
    private readonly string _promptField = kind == AnswerKind.Chat ? "messages" : "prompt";
    private readonly long _arrival = call.Server.Time.GetTimestamp();
    private readonly long _created = call.Server.Time.GetUtcNow().ToUnixTimeSeconds();
    private readonly ConcurrentQueue<RequestId> _toCancel = [];
    private readonly ConcurrentBag<RequestId> _begun = [];
    private IReadOnlyList<GenerationRequest> _requests = [];
    private long _bytesPerAnswer;

    private IdempotencyKey? Key => headers.IdempotencyKey is { } text ? new IdempotencyKey(call.Caller.Tenant, text) : null;

    /// <summary>Takes one answer out of the budget of what waits.</summary>
    public void OnStart() => _waiting.Shrink(_bytesPerAnswer);

    /// <summary>Submits all prompts at once; the refusal of one is the error of all, which the disposal then cancels.</summary>
    /// <param name="held">Takes what is made again of an answer that was there before.</param>
    public async ValueTask<Outcome<Answer>> SubmitAsync(ByteReservation held)
    {
        var (ids, error) = await ChooseIdsAsync();
        if (ids is null || !_waiting.TryAdd(input.BytesWaiting) || !TryMakeRequests(ids))
        {
            return error ?? ApiError.QueueFull(
                "The requests that wait hold all the memory that they may (--max-waiting-bytes): try again later.", call.Server.Options.RetryAfter);
        }

        if (await SubmitAllAsync() is { } refused)
        {
            return ApiError.From(refused, _promptField, call.Server.Options.RetryAfter);
        }

        var id = new AnswerId(kind, ids[0]);
        (var answer, error) = Key is null ? await AnswerAsync(id) : await JoinAsync(id, held);
        foreach (var request in answer?.Requests.Where(request => _begun.Contains(request.Id)) ?? [])
        {
            call.Server.Metrics.OnSubmitted(input.Model, request, _arrival);
        }

        _toCancel.Clear();
        return answer is null ? error! : answer;
    }

    public async ValueTask DisposeAsync()
    {
        _waiting.Dispose();
        if (Key is not null && call.Aborted.IsCancellationRequested)
        {
            return; // somebody else may have come by the same key
        }

        foreach (var request in _toCancel)
        {
            await call.Server.Generator.CancelAsync(request, CancellationToken.None);
        }
    }

    private async ValueTask<Outcome<RequestId[]>> ChooseIdsAsync() =>
        Key is { } key ? await KeyedRequests.ChooseAsync(call, key, input) : input.Prompts.Select(_ => RequestId.Create()).ToArray();

    private async ValueTask<Outcome<Answer>> AnswerAsync(AnswerId id)
    {
        var requests = new List<GenerationRequest>();
        foreach (var request in _requests)
        {
            requests.Add((await call.Server.Generator.FindAsync(request.Id, call.Aborted))?.Request ?? request);
        }

        return new Answer(id, _created, input, requests);
    }

    /// <summary>The answer as whoever was first asked for it; a request with another body may have been.</summary>
    private async ValueTask<Outcome<Answer>> JoinAsync(AnswerId id, ByteReservation held)
    {
        var (known, error) = await KnownAnswer.FindAsync(call, id, held);
        if (known is null)
        {
            return error!.Status == StatusCodes.Status404NotFound
                ? ApiError.Unavailable($"The answer that this `{AnswerHeaders.KeyName}` stands for is at another gateway: ask there, or try again later.", call.Server.Options.RetryAfter)
                : error;
        }

        return known.BodyHash.SequenceEqual(input.BodyHash) ? known.Answer : ApiError.OtherBody(AnswerHeaders.KeyName);
    }

    private async Task<SubmitResult.Refused?> SubmitAllAsync()
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(call.Aborted);
        SubmitResult.Refused? refused = null;
        await (Key is null ? Task.WhenAll(_requests.Select(SubmitOneAsync)) : Task.WhenAll(_requests.Select(SubmitKeyedAsync)).WaitAsync(call.Aborted));
        return refused;

        async Task SubmitOneAsync(GenerationRequest request)
        {
            _toCancel.Enqueue(request.Id);
            try
            {
                var result = Note(request, await call.Server.Generator.SubmitAsync(request, stop.Token));
                if (result is SubmitResult.Refused no && Interlocked.CompareExchange(ref refused, no, null) is null)
                {
                    await stop.CancelAsync();
                }
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested && !call.Aborted.IsCancellationRequested)
            {
                // Another prompt was refused, and tells why.
            }
        }

        // Whoever comes by the same key has joined it: a client that leaves does not give it up, and one that is refused cancels what it was granted.
        async Task SubmitKeyedAsync(GenerationRequest request)
        {
            var result = Note(request, await call.Server.Generator.SubmitAsync(request, CancellationToken.None));
            if (result is SubmitResult.Refused no)
            {
                Interlocked.CompareExchange(ref refused, no, null);
            }
            else
            {
                _toCancel.Enqueue(request.Id);
            }
        }
    }

    /// <summary>Who only joins a request has not begun it: at whichever gateway, it counts once.</summary>
    private SubmitResult Note(GenerationRequest request, SubmitResult result)
    {
        if (result is SubmitResult.Accepted { IsKnown: false })
        {
            _begun.Add(request.Id);
        }

        return result;
    }

    /// <summary>False where their envelopes find no room.</summary>
    private bool TryMakeRequests(RequestId[] ids)
    {
        var requests = new List<GenerationRequest>();
        var bytes = input.BytesWaiting;
        for (var index = 0; index < ids.Length; index++)
        {
            var envelope = EnvelopeOf(ids, index).Write();
            if (!_waiting.TryAdd(envelope.Length))
            {
                return false;
            }

            bytes += envelope.Length;
            requests.Add(Describe(ids[index], index) with { Envelope = envelope });
        }

        _requests = requests;
        _bytesPerAnswer = bytes / input.Answers;
        return true;
    }

    private Envelope EnvelopeOf(RequestId[] ids, int index) => new(
        kind,
        _created,
        input.ModelName,
        input.Shape,
        input.Settings.ClientStops,
        input.Stream,
        input.BodyHash,
        input.Prompts[index].Echo,
        TraceParent,
        [.. ids.Take(index == 0 ? ids.Length : 1).Select(id => id.ToString())]);

    private string? TraceParent =>
        call.Context.Request.Headers.TraceParent.ToString() is var text && ActivityContext.TryParse(text, null, out _) ? text : null;

    private GenerationRequest Describe(RequestId id, int index) => new()
    {
        Id = id,
        Model = input.Model.Name,
        PromptIds = input.Prompts[index].Ids,
        Samples = input.Settings.Samples,
        Sampling = input.Settings.Sampling with { Seed = input.Settings.Seed ?? SeedOf(index) },
        StopTokenIds = input.Settings.StopTokenIds,
        MaxTokens = input.Prompts[index].MaxTokens,
        MinTokens = input.Settings.MinTokens,
        Priority = input.Settings.Priority,
        PromptIndex = index,
        Tenant = call.Caller.Tenant,
        CacheSalt = input.Settings.CacheSalt,
        Linger = RequestLinger.OfLog(headers.Linger, input.Shape),
        Timeout = call.Server.Options.RequestTimeout,
        QueueTimeout = call.Server.Options.QueueTimeout,
    };

    private ulong SeedOf(int index)
    {
        if (Key is { } key)
        {
            return call.Server.Secret.SeedOf(key, index);
        }

        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        RandomNumberGenerator.Fill(bytes);
        return BitConverter.ToUInt64(bytes);
    }
}
