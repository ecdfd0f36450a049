using System.Collections.Concurrent;
using System.Runtime.CompilerServices;

namespace OrleansLLM.Gateway.Tests.Support;

/// <summary>What one answer will be. Without an end it ends as the ids and the request say.</summary>
/// <param name="RangeLength">Tokens a range.</param>
/// <param name="Gate">Awaited before each range.</param>
/// <param name="EndPlace">Where the end stands.</param>
internal sealed record Script(
    IReadOnlyList<int> Ids, SequenceEnd? End = null, int RangeLength = 1, Func<int, CancellationToken, Task>? Gate = null,
    EndPlace EndPlace = EndPlace.BehindLastRange);

internal enum EndPlace
{
    BehindLastRange,
    OnLastRange,
}

/// <summary>Answers from scripts, keeps the request's own limits, and writes down what the gateway did.</summary>
internal sealed class FakeGenerator : IGenerator
{
    private readonly ConcurrentDictionary<SequenceId, TaskCompletionSource> _left = [];
    private readonly ConcurrentDictionary<RequestId, GenerationRequest> _requests = [];
    private readonly ConcurrentDictionary<RequestId, TaskCompletionSource> _cancelled = [];
    private readonly ConcurrentDictionary<RequestId, Lazy<Task<SubmitResult>>> _groups = [];
    private readonly ConcurrentDictionary<SequenceId, (int At, FinishReason Reason)> _marks = [];
    private readonly ConcurrentDictionary<SequenceId, SequenceEnd> _ends = [];

    public Func<GenerationRequest, int, Script> Answer { get; set; } = (_, _) => new Script(new FakeTokenizer().Ids(" hello world</s>"));

    public Func<GenerationRequest, CancellationToken, ValueTask<SubmitResult.Refused?>> Admit { get; set; } = (_, _) => new((SubmitResult.Refused?)null);

    public Func<SequenceId, CancellationToken, ValueTask<bool>> Finish { get; set; } = (_, _) => new(true);

    public Func<SequenceId, ValueTask> Describing { get; set; } = _ => default;

    public int CachedTokens { get; set; } = 3;

    /// <summary>Of the engine behind each range.</summary>
    public Func<int, string?> FingerprintOf { get; set; } = _ => null;

    public GenerationRequest? Latest { get; private set; }

    public IEnumerable<GenerationRequest> Submitted => _requests.Values;

    public ConcurrentQueue<(SequenceId Sequence, int At, FinishReason Reason)> Finished { get; } = [];

    public IEnumerable<RequestId> Cancelled => _cancelled.Where(pair => pair.Value.Task.IsCompleted).Select(pair => pair.Key);

    /// <summary>Completes when the reader of a sequence has left, or read it to its end.</summary>
    public Task ReaderLeft(SequenceId sequence) => Source(_left, sequence).Task;

    public Task RequestCancelled(RequestId request) => Source(_cancelled, request).Task;

    public async ValueTask<SubmitResult> SubmitAsync(GenerationRequest request, CancellationToken cancellation) =>
        await _groups.GetOrAdd(request.Id, _ => new Lazy<Task<SubmitResult>>(() => SubmitOnceAsync(request, cancellation))).Value;

    public ValueTask<KnownRequest?> FindAsync(RequestId request, CancellationToken cancellation) => new(
        _groups.ContainsKey(request) && _requests.TryGetValue(request, out var known) ? new KnownRequest(known, Sequences(known)) : null);

    public async IAsyncEnumerable<TokenRange> ReadAsync(
        SequenceId sequence, int from, [EnumeratorCancellation] CancellationToken cancellation)
    {
        try
        {
            var request = _requests.GetValueOrDefault(sequence.Request) ?? throw new UnknownSequenceException(sequence);
            if (from < request.PromptIds.Length)
            {
                yield return Range(request.PromptIds.ToArray()[from..], from, request.Sampling.PromptLogprobs);
            }

            var script = Answer(request, sequence.Index);
            var ids = Cut(script.Ids, request, out var end);
            if (_marks.TryGetValue(sequence, out var mark))
            {
                (ids, end) = ([.. ids.Take(mark.At - request.PromptIds.Length)], new SequenceEnd(mark.Reason));
            }

            var ranges = ids.Chunk(script.RangeLength).ToList();
            for (var i = 0; i < ranges.Count; i++)
            {
                var start = request.PromptIds.Length + (i * script.RangeLength);
                var had = Math.Clamp(from - start, 0, ranges[i].Length);
                if (had == ranges[i].Length)
                {
                    continue;
                }

                await (script.Gate?.Invoke(i, cancellation) ?? Task.CompletedTask);
                cancellation.ThrowIfCancellationRequested();
                var range = Range(ranges[i][had..], start + had, request.Sampling.Logprobs) with { Fingerprint = FingerprintOf(i) };
                if (script.EndPlace == EndPlace.OnLastRange && i == ranges.Count - 1)
                {
                    yield return range with { End = _ends.GetOrAdd(sequence, script.End ?? end) };
                    yield break;
                }

                yield return range;
            }

            await (script.Gate?.Invoke(ranges.Count, cancellation) ?? Task.CompletedTask);
            yield return new TokenRange(request.PromptIds.Length + ids.Count, default, default, _ends.GetOrAdd(sequence, script.End ?? end));
        }
        finally
        {
            Source(_left, sequence).TrySetResult();
        }
    }

    public ValueTask<SubmitResult> ForkAsync(SequenceId sequence, int at, int count, CancellationToken cancellation) =>
        throw new NotSupportedException();

    public ValueTask<int?> ChangeAsync(SequenceId sequence, SequenceChange change, CancellationToken cancellation) =>
        throw new NotSupportedException();

    public async ValueTask<bool> FinishAsync(SequenceId sequence, int at, FinishReason reason, CancellationToken cancellation)
    {
        Finished.Enqueue((sequence, at, reason));
        return await Finish(sequence, cancellation) && _marks.TryAdd(sequence, (at, reason));
    }

    public ValueTask CancelAsync(RequestId request, CancellationToken cancellation)
    {
        foreach (var sequence in _groups.ContainsKey(request) && _requests.TryGetValue(request, out var known) ? Sequences(known) : [])
        {
            _ends.TryAdd(sequence, new SequenceEnd(FinishReason.Cancelled));
        }

        Source(_cancelled, request).TrySetResult();
        return default;
    }

    public async ValueTask<SequenceDescription?> DescribeAsync(SequenceId sequence, CancellationToken cancellation)
    {
        await Describing(sequence);
        return _requests.TryGetValue(sequence.Request, out var request)
            ? new SequenceDescription(
                sequence, _ends.ContainsKey(sequence) ? SequencePhase.Ended : SequencePhase.Running, request.PromptIds.Length, request.PromptIds.Length, CachedTokens, _ends.GetValueOrDefault(sequence))
            : null;
    }

    /// <summary>The log probabilities that every token at a position has: the id's own, then ever less likely neighbours.</summary>
    public static TokenLogprobs Logprobs(int id, int position, int count) => new(
        0 - (0.25f * (position % 4)),
        1,
        Enumerable.Range(0, count).Select(i => i == 0 ? id : (id + i) % 256).ToArray(),
        Enumerable.Range(0, count).Select(i => 0 - (0.25f * (position % 4)) - i).ToArray());

    private async Task<SubmitResult> SubmitOnceAsync(GenerationRequest request, CancellationToken cancellation)
    {
        _requests[request.Id] = request;
        Latest = request;
        if (await Admit(request, cancellation) is { } refused)
        {
            _groups.TryRemove(request.Id, out _);
            return refused;
        }

        return new SubmitResult.Accepted(Sequences(request));
    }

    private static SequenceId[] Sequences(GenerationRequest request) =>
        [.. Enumerable.Range(0, request.Samples).Select(index => new SequenceId(request.Id, index))];

    private static TokenRange Range(int[] ids, int start, int? logprobs) => new(
        start,
        ids,
        logprobs is { } count ? ids.Select((id, i) => start + i == 0 ? null : Logprobs(id, start + i, count)).ToArray() : default,
        null);

    private static List<int> Cut(IReadOnlyList<int> script, GenerationRequest request, out SequenceEnd end)
    {
        var ids = new List<int>();
        end = new SequenceEnd(FinishReason.Length);
        foreach (var id in script.Take(request.MaxTokens))
        {
            ids.Add(id);
            if (request.StopTokenIds.Contains(id) && ids.Count >= request.MinTokens)
            {
                end = new SequenceEnd(FinishReason.Stop, id);
                break;
            }
        }

        return ids;
    }

    private static TaskCompletionSource Source<TKey>(ConcurrentDictionary<TKey, TaskCompletionSource> sources, TKey key)
        where TKey : notnull => sources.GetOrAdd(key, _ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
}
