using System.Security.Cryptography;
using OrleansLLM.Gateway.Http;
using OrleansLLM.Gateway.OpenAI;
using OrleansLLM.Gateway.Requests;
using OrleansLLM.Text;

namespace OrleansLLM.Gateway.Answers;

/// <summary>
/// All answers of one HTTP request, from submission to the last token. Whatever ends it early (an error, one that left, a bug) cancels
/// what still waits or runs.
/// </summary>
internal sealed class Generation(GatewayCall call, GenerationInput input, string promptField) : IAsyncDisposable
{
    private readonly List<Choice> _choices = [];
    private readonly List<RequestId> _requests = [];
    private readonly StopStrings _stops = new(input.Shape.Stop, input.Shape.StopText);
    private readonly ByteReservation _waiting = call.Server.Waiting.Open();
    private readonly ByteReservation _held = call.Server.Answers.Open();
    private readonly long _arrival = call.Server.Time.GetTimestamp();

    /// <summary>In the order of their index: prompt by prompt, n answers each.</summary>
    public IReadOnlyList<Choice> Choices => _choices;

    /// <summary>The first request's id, which the answer's id is made of.</summary>
    public RequestId Id => _requests[0];

    /// <summary>Submits all prompts at once; the refusal of one is the error of all, which the disposal then cancels.</summary>
    public async ValueTask<ApiError?> SubmitAsync() => _waiting.TryAdd(input.Answers * BytesPerAnswer)
        ? await SubmitAllAsync()
        : ApiError.QueueFull(
            "The requests that wait hold all the memory that they may (--max-waiting-bytes): try again later.", call.Server.Options.RetryAfter);

    private async Task<ApiError?> SubmitAllAsync()
    {
        GenerationRequest[] requests = [.. input.Prompts.Select(Describe)];
        _requests.AddRange(requests.Select(request => request.Id));
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(call.Aborted);
        SubmitResult.Refused? refused = null;
        var accepted = await Task.WhenAll(requests.Select(SubmitOneAsync));
        if (refused is not null)
        {
            return ApiError.From(refused, promptField, call.Server.Options.RetryAfter);
        }

        AddChoices(accepted);
        return null;

        async Task<IReadOnlyList<SequenceId>> SubmitOneAsync(GenerationRequest request)
        {
            try
            {
                var result = await call.Server.Generator.SubmitAsync(request, stop.Token);
                if (result is SubmitResult.Accepted one)
                {
                    return one.Sequences;
                }

                Interlocked.CompareExchange(ref refused, (SubmitResult.Refused)result, null);
                await stop.CancelAsync();
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested && !call.Aborted.IsCancellationRequested)
            {
                // Another prompt was refused, and tells why.
            }

            return [];
        }
    }

    /// <summary>Reads all answers at once; the first that fails ends the others.</summary>
    public async ValueTask<ApiError?> ReadAsync(IAnswerSink sink)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(call.Aborted);
        ApiError? error = null;
        await Task.WhenAll(_choices.Select(ReadOneAsync));
        if (error is null)
        {
            call.Server.Metrics.OnAnswered(input.Model.Name, _choices.Max(choice => choice.CompletionTokens));
        }

        return error;

        async Task ReadOneAsync(Choice choice)
        {
            try
            {
                using var timer = call.Server.Metrics.Start(input.Model.Name, _arrival);
                var end = await choice.ReadAsync(call.Server.Generator, sink, _held, timer, stop.Token);
                var failure = end is null ? NoRoom() : ApiError.From(end, call.RequestId, call.Server.Options.RetryAfter);
                if (failure is not null)
                {
                    error ??= failure;
                    await stop.CancelAsync();
                }
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested && !call.Aborted.IsCancellationRequested)
            {
                // Another answer failed, and tells why.
            }
            catch
            {
                await stop.CancelAsync();
                throw;
            }
        }
    }

    /// <summary>Prompts count once, however many answers they have. The answers are complete: what can't be asked about them is left out.</summary>
    public async ValueTask<Usage> GetUsageAsync()
    {
        int? cached = null;
        try
        {
            foreach (var choice in _choices.Where(choice => choice.Index % input.Settings.Samples == 0))
            {
                var description = await call.Server.Generator.DescribeAsync(choice.Sequence, call.Aborted);
                cached = description is null ? cached : (cached ?? 0) + description.CachedTokens;
            }
        }
        catch (Exception) when (!call.Aborted.IsCancellationRequested)
        {
            cached = null;
        }

        return new Usage(input.Prompts.Sum(prompt => prompt.Ids.Length), _choices.Sum(choice => choice.CompletionTokens))
        {
            PromptTokensDetails = cached is { } tokens ? new PromptTokensDetails(tokens) : null,
        };
    }

    public async ValueTask DisposeAsync()
    {
        _waiting.Dispose();
        _held.Dispose();
        foreach (var request in _requests)
        {
            var choices = _choices.Where(choice => choice.Sequence.Request == request).ToList();
            if (choices.Count == 0 || choices.Exists(choice => !choice.HasEnded))
            {
                await call.Server.Generator.CancelAsync(request, CancellationToken.None);
            }
        }
    }

    /// <summary>About what one answer holds in gateway, log and engine while it waits, with its share of the prompts.</summary>
    private long BytesPerAnswer => input.BytesWaiting / input.Answers;

    private ApiError NoRoom() => ApiError.Unavailable(
        "The answers that are being collected hold all the memory that they may (--max-collected-bytes): stream this one, ask for fewer log probabilities, or try again later.",
        call.Server.Options.RetryAfter);

    private void AddChoices(IReadOnlyList<SequenceId>[] accepted)
    {
        foreach (var (prompt, sequences) in input.Prompts.Zip(accepted))
        {
            foreach (var sequence in sequences)
            {
                var text = new AnswerText(input.Model, prompt, input.Settings, input.Shape, _stops.NewStream());
                _choices.Add(new Choice(_choices.Count, sequence, prompt, input, text) { OnStart = () => _waiting.Shrink(BytesPerAnswer) });
            }

            call.Server.Metrics.OnSubmitted(input, prompt);
        }
    }

    private static ulong RandomSeed()
    {
        Span<byte> bytes = stackalloc byte[8];
        RandomNumberGenerator.Fill(bytes);
        return BitConverter.ToUInt64(bytes);
    }

    private GenerationRequest Describe(Prompt prompt, int index) => new()
    {
        Id = RequestId.Create(),
        Model = input.Model.Name,
        PromptIds = prompt.Ids,
        Samples = input.Settings.Samples,
        Sampling = input.Settings.Sampling with { Seed = input.Settings.Seed ?? RandomSeed() },
        StopTokenIds = input.Settings.StopTokenIds,
        MaxTokens = prompt.MaxTokens,
        MinTokens = input.Settings.MinTokens,
        Priority = input.Settings.Priority,
        PromptIndex = index,
        Tenant = call.Caller.Tenant,
        CacheSalt = input.Settings.CacheSalt,
        Timeout = call.Server.Options.RequestTimeout,
        QueueTimeout = call.Server.Options.QueueTimeout,
    };
}
