using System.Collections.Concurrent;
using OrleansLLM.Sequences;

namespace OrleansLLM.Cluster.Tests;

/// <summary>An engine whose steps are the test's: it takes everything in, publishes what it is told to and remembers what was ended.</summary>
internal sealed class ManualEngine(string model) : IEngine
{
    private readonly ConcurrentDictionary<SequenceId, (Attempt Attempt, IStepSink Sink)> _running = [];
    private readonly ConcurrentDictionary<SequenceId, TaskCompletionSource> _ended = [];
    private readonly ConcurrentDictionary<SequenceId, Epoch> _epochs = [];
    private readonly ConcurrentDictionary<SequenceId, IStepSink> _sinks = [];

    public EngineFacts Facts
    {
        get
        {
            BeforeFacts();
            return Served;
        }
    }

    public EngineFacts Served { get; set; } =
        new(model, MaxLength: 1024, VocabularySize: 100, BlockSize: 16, TotalBlocks: 64, "fingerprint", "none");

    public Action BeforeFacts { get; set; } = () => { };

    public EngineLoad Load => new(_running.Count, 0, 0, 64, UsedBlocks: 3, CachedBlocks: 2, Step: 7);

    /// <summary>Counts up with real time, as an engine does that rests.</summary>
    public long Progress => Hangs ? 1 : Environment.TickCount64;

    public bool Hangs { get; set; }

    public string? Failure { get; set; }

    public ConcurrentQueue<Attempt> Attempts { get; } = [];

    public ConcurrentQueue<(SequenceId Parent, int At, IReadOnlyList<SequenceId> Children)> Forks { get; } = [];

    public ConcurrentQueue<SequenceChange> Changes { get; } = [];

    public SubmitResult.Refused? Refusal { get; set; }

    public Func<Task> BeforeAnswer { get; set; } = () => Task.CompletedTask;

    public Action AfterSubmission { get; set; } = () => { };

    public Action BeforeDescription { get; set; } = () => { };

    public Func<Task> BeforeAbort { get; set; } = () => Task.CompletedTask;

    public async ValueTask<SubmitResult> SubmitAsync(Attempt attempt, IStepSink sink, CancellationToken cancellation)
    {
        await BeforeAnswer();
        if (Refusal is not null)
        {
            return Refusal;
        }

        Attempts.Enqueue(attempt);
        foreach (var sequence in attempt.Sequences)
        {
            _running[sequence.Id] = (attempt, sink);
            (_epochs[sequence.Id], _sinks[sequence.Id]) = (attempt.Epoch, sink);
        }

        AfterSubmission();
        return new SubmitResult.Accepted([.. attempt.Sequences.Select(sequence => sequence.Id)]);
    }

    public ValueTask<SubmitResult> ForkAsync(AttemptId attempt, int at, IReadOnlyList<SequenceId> children, CancellationToken cancellation)
    {
        var sequence = attempt.Sequence;
        if (!IsHere(attempt) || !_running.TryGetValue(sequence, out var parent))
        {
            return new(new SubmitResult.Refused(RefusalReason.UnknownSequence, $"{sequence} does not run here."));
        }

        if (Refusal is not null)
        {
            return new(Refusal);
        }

        Forks.Enqueue((sequence, at, children));
        foreach (var child in children)
        {
            _running[child] = parent;
            (_epochs[child], _sinks[child]) = (attempt.Epoch, parent.Sink);
        }

        return new(new SubmitResult.Accepted(children));
    }

    /// <summary>The position that the next changes are answered with.</summary>
    public int ChangesHoldFrom { get; set; } = 5;

    public async ValueTask<int?> ChangeAsync(AttemptId attempt, SequenceChange change, CancellationToken cancellation)
    {
        await BeforeAnswer();
        Changes.Enqueue(change);
        return IsHere(attempt) ? ChangesHoldFrom : null;
    }

    public async ValueTask AbortAsync(AttemptId attempt, CancellationToken cancellation)
    {
        await BeforeAbort();
        if (_epochs.GetValueOrDefault(attempt.Sequence) <= attempt.Epoch)
        {
            _running.TryRemove(attempt.Sequence, out _);
            EndOf(attempt.Sequence).TrySetResult();
        }
    }

    public ValueTask<SequenceDescription?> DescribeAsync(AttemptId attempt, CancellationToken cancellation)
    {
        BeforeDescription();
        return new(IsHere(attempt) ? new SequenceDescription(attempt.Sequence, SequencePhase.Preempted, 3, 4, 2, null) : null);
    }

    public Task<bool> RedirectAsync(AttemptId attempt, IStepSink sink)
    {
        if (!IsHere(attempt))
        {
            return Task.FromResult(false);
        }

        _sinks[attempt.Sequence] = sink;
        _running[attempt.Sequence] = (_running[attempt.Sequence].Attempt, sink);
        return Task.FromResult(true);
    }

    public IReadOnlyList<HeldAttempt> ListAttempts(IStepSink sink) =>
        [.. _running.Where(running => running.Value.Sink == sink).Select(running => new HeldAttempt(IdOf(running.Key), SequencePhase.Running))];

    public ValueTask<int> MatchPrefixAsync(ReadOnlyMemory<int> promptIds, string prefixOwner, CancellationToken cancellation) =>
        new(promptIds.Length - 1);

    public Task DrainAsync(CancellationToken cancellation) => Task.CompletedTask;

    public Task Ended(SequenceId sequence) => EndOf(sequence).Task;

    /// <summary>One step with a token for each of the sequences.</summary>
    public void Publish(int position, int token, params SequenceId[] sequences) =>
        Publish(sequences, sequence => new StepEntry(sequence, _epochs[sequence], position, token, null, null, 0, null));

    public void Publish(IReadOnlyList<SequenceId> sequences, Func<SequenceId, StepEntry> entry)
    {
        foreach (var group in sequences.GroupBy(sequence => _sinks[sequence]))
        {
            group.Key.OnStep(Batch([.. group.Select(entry)]));
        }
    }

    public static StepBatch Batch(params IReadOnlyList<StepEntry> entries)
    {
        var batch = new StepBatch();
        foreach (var entry in entries)
        {
            batch.Add(entry);
        }

        return batch;
    }

    /// <summary>The latest attempt at it here.</summary>
    public AttemptId IdOf(SequenceId sequence) => new(sequence, EpochOf(sequence));

    public Epoch EpochOf(SequenceId sequence) => _epochs.GetValueOrDefault(sequence);

    private bool IsHere(AttemptId attempt) => _running.ContainsKey(attempt.Sequence) && EpochOf(attempt.Sequence) == attempt.Epoch;

    private TaskCompletionSource EndOf(SequenceId sequence) =>
        _ended.GetOrAdd(sequence, _ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
}
