using Microsoft.Extensions.Logging;
using OrleansLLM.Compute;
using OrleansLLM.Models;
using OrleansLLM.Sequences;
using static System.FormattableString;

namespace OrleansLLM.Engine;

/// <summary>
/// An engine without its thread: <c>step = schedule, run, sample, commit</c>. Promises: no step leaves a block without an owner; a
/// sequence that ends frees its blocks at once, last first; an error of the device ends the step's sequences and nothing else. Not
/// thread safe: one thread calls it, and after warm-up that thread allocates nothing here.
/// </summary>
internal sealed class EngineCore : IDisposable
{
    private readonly EngineOptions _options;
    private readonly Batch _batch = new();
    private readonly BlockManager _blocks;
    private readonly KvCache _cache;
    private readonly SwapSpace _swap;
    private readonly Scheduler _scheduler;
    private readonly LiveSequences _live;
    private readonly StepOutboxes _outboxes;
    private readonly ModelRunner _runner;
    private readonly StepCommit _commit;
    private readonly StepBudget _budget;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private long _steps;
    private long _failures;

    /// <param name="options">Which <see cref="EngineOptionsValidator"/> lets pass.</param>
    public EngineCore(ICausalModel model, IDevice device, EngineOptions options, TimeProvider time, ILogger logger)
    {
        (_options, _time, _logger) = (options, time, logger);
        var geometry = model.Facts.Cache.Geometry with { BlockSize = options.BlockSize };
        var blocks = options.CountBlocks(geometry);
        Shape = new CacheShape(model.Facts.Cache with { Geometry = geometry }, options.MaxBatchedTokens);
        var maxLength = Shape.MostTokensIn(blocks, options.MaxModelLength ?? model.Facts.MaxLength);
        var fingerprint = $"{model.Fingerprint}-{geometry.Type}-{device.Description.Kind}";
        Facts = new EngineFacts(
            options.Model, maxLength, model.Facts.VocabularySize, options.BlockSize, blocks, fingerprint, device.Description.Name);
        Hasher = new PrefixHasher(fingerprint, options.BlockSize, model.Facts.DynamicRopeOrigin);
        _cache = device.AllocateKv(geometry, blocks);
        model.Attach(_cache);
        _blocks = new BlockManager(blocks, Shape, Hasher, options.PrefixCaching);
        _swap = new SwapSpace(device, _cache, _blocks, options.CountHostBlocks(geometry));
        var stepTime = options.MaxStepTime ?? device.Description.StepTime;
        _budget = new StepBudget(stepTime == TimeSpan.Zero ? null : stepTime, options.MaxBatchedTokens);
        _scheduler = new Scheduler(options, options.LimitPrefills(maxLength), _budget, _blocks, _swap, device.Description.CheaperPreemption);
        _live = new LiveSequences(_scheduler, time);
        _outboxes = new StepOutboxes(logger);
        _runner = new ModelRunner(model, device, _cache, Shape, options, maxLength);
        _commit = new StepCommit(_blocks, _scheduler, _live, _runner, Ends.BrokenLogits(options.Model), maxLength);
    }

    public EngineFacts Facts { get; }

    public CacheShape Shape { get; }

    public PrefixHasher Hasher { get; }

    public bool IsIdle => _live.Count == 0 && !_swap.IsUnderWay;

    public IReadOnlyCollection<Sequence> Sequences => _live.All;

    /// <inheritdoc cref="LiveSequences.Ended"/>
    public List<Sequence> Ended => _live.Ended;

    /// <inheritdoc cref="ModelRunner.Progress"/>
    public long Progress => _runner.Progress;

    /// <summary>Adds every sequence that waits, in no order.</summary>
    public void AddWaiting(List<PlaceInLine> places) => _scheduler.AddWaiting(places);

    public int FreeSeats => _scheduler.FreeSeats;

    public long Admitted => _scheduler.Admitted;

    public BlockManager Blocks => _blocks;

    public SwapSpace Swap => _swap;

    public EngineStatistics Statistics => new(
        new EngineLoad(
            _scheduler.Running, _scheduler.Waiting, _scheduler.Preempted, _blocks.Pool.Total, _blocks.Pool.Used, _blocks.Pool.Cached, _steps),
        _commit.PromptTokens, _commit.CachedPromptTokens, _commit.GeneratedTokens, _scheduler.PrefixQueries, _scheduler.PrefixHits,
        _scheduler.PreemptionsByRecompute, _scheduler.PreemptionsBySwap, _failures, _budget.Tokens)
    {
        RecomputedTokens = _commit.RecomputedTokens,
    };

    /// <summary>
    /// Makes an attempt's sequences, which <see cref="Admission"/> has let pass: arrays, group and hashes of the prompt cost the submitter's
    /// thread what they would cost the step's. May be called from any thread.
    /// </summary>
    public Sequence[] Prepare(Attempt attempt)
    {
        Sequence[] sequences = [.. attempt.Sequences.Select(journal => new Sequence(attempt.Request, attempt.Epoch, journal, Shape))];
        SequenceGroup.Form(Array.FindAll(sequences, sequence => sequence.ResumedTokens == 0 || sequence.FindEnd(Facts.MaxLength) is null));
        foreach (var sequence in sequences)
        {
            if (!sequence.IsFollower)
            {
                sequence.MakeRoom();
                sequence.PreparePromptLogprobs();
            }
        }

        if (_options.PrefixCaching == PrefixCaching.On)
        {
            var leader = Array.Find(sequences, sequence => !sequence.IsFollower)!;
            Hasher.Hash(leader, (leader.Count - 1) / Shape.BlockSize);
        }

        return sequences;
    }

    /// <summary>Takes in the sequences of an attempt, which the inbox has accepted.</summary>
    public void Add(Sequence[] sequences, IStepSink sink)
    {
        foreach (var sequence in sequences)
        {
            _live.Add(sequence, _outboxes.Of(sink));
            Enqueue(sequence);
        }
    }

    /// <summary>Makes what a change needs beside itself. May be called from any thread.</summary>
    public PreparedChange Prepare(SequenceChange change) =>
        PreparedChange.For(change, Math.Min(Facts.VocabularySize, Facts.MaxLength + 1), Facts.MaxLength);

    /// <summary>Null where it is not here.</summary>
    public Sequence? Find(SequenceId id) => _live.Find(id);

    /// <summary>Takes in children that begin with their parent's tokens; where the parent has ended, as any other sequence.</summary>
    public void AddForks(Sequence parent, Sequence[] children, IStepSink sink)
    {
        foreach (var child in children)
        {
            _live.Add(child, _outboxes.Of(sink));
            if (child.FindEnd(Facts.MaxLength) is { Reason: FinishReason.Length } end)
            {
                child.State = SequenceState.AwaitingPrompt;
                _live.End(child, end);
            }
            else if (!_scheduler.TryRunFork(parent, child, child.Count - 1))
            {
                _scheduler.Enqueue(child);
            }
        }
    }

    /// <summary>Applies what was noted for a sequence's next token; nothing happens where it has ended.</summary>
    public void ApplyChanges(Sequence sequence, int? newPriority)
    {
        if (sequence.State == SequenceState.Ended)
        {
            return;
        }

        if (newPriority is { } priority)
        {
            _scheduler.ChangePriority(sequence, priority);
        }

        sequence.ApplyChanges();
        if (sequence.OutputLength > 0 && sequence.OutputLength >= sequence.MaxTokens)
        {
            _live.End(sequence, Ends.Length);
        }
    }

    /// <summary>What follows goes to another sink; false where the sequence has ended.</summary>
    public bool TryRedirect(Sequence sequence, IStepSink sink)
    {
        if (sequence.State == SequenceState.Ended)
        {
            return false;
        }

        LiveSequences.Redirect(sequence, _outboxes.Of(sink));
        return true;
    }

    /// <summary>Drops a sequence without a word to its sink; nothing happens where it has ended.</summary>
    public void Abort(Sequence sequence)
    {
        if (sequence.State != SequenceState.Ended)
        {
            _live.Remove(sequence);
        }
    }

    /// <summary>Ends everything, and says so to the sinks.</summary>
    public void EndAll(SequenceEnd end)
    {
        _live.EndAll(end);
        _outboxes.Publish();
    }

    /// <summary>Tokens at the beginning of these blocks' that are cached now. May be called from any thread.</summary>
    public int MatchPrefix(ReadOnlySpan<PrefixHash> hashes) => _blocks.Match(hashes) * Shape.BlockSize;

    /// <summary>Decides what the next step computes; what it draws counts as under way from now on.</summary>
    public void Schedule()
    {
        _live.Expire();
        _swap.Poll();
        EndFailedTransfers();
        _scheduler.Schedule(_batch);
        EndFailedTransfers();
        _batch.MarkDraws();
    }

    /// <summary>Computes what was scheduled; false where there was nothing to compute.</summary>
    public bool Compute()
    {
        var worked = !_batch.IsEmpty;
        if (worked)
        {
            _steps++;
            var began = _time.GetTimestamp();
            RunBatch();
            _budget.Note(_scheduler.PromptTokens, _time.GetElapsedTime(began));
        }

        return worked;
    }

    /// <summary>Hands the sinks what the step has for them.</summary>
    public void Publish() => _outboxes.Publish();

    /// <summary>What contradicts an engine at rest, or null: with no sequence every block is free or cached.</summary>
    public string? FindLeak()
    {
        if (!IsIdle)
        {
            return $"{_live.Count} sequences are here.";
        }

        return _swap.Free != _swap.Total
            ? Invariant($"{_swap.Total - _swap.Free} host blocks are taken though nothing is swapped out.")
            : _blocks.FindLeak();
    }

    public void Dispose()
    {
        _runner.Dispose();
        _swap.Dispose();
        _cache.Dispose();
    }

    private void RunBatch()
    {
        try
        {
            _runner.Run(_batch);
        }
#pragma warning disable CA1031 // whatever breaks in a device or model must not end the loop
        catch (Exception exception)
#pragma warning restore CA1031
        {
            Fail(exception);
            return;
        }
        finally
        {
            _blocks.ReleaseCopied();
        }

        var broken = _commit.BrokenSequences;
        _commit.Run(_batch);
        if (_commit.BrokenSequences > broken)
        {
            _failures++;
            _logger.LogLogitsBroken(_steps, _commit.BrokenSequences - broken, Facts.Model);
        }
    }

    private void EndFailedTransfers()
    {
        while (_swap.TryTakeFailure(out var failure))
        {
            _failures++;
            _logger.LogTransferFailed(failure.Exception, failure.Sequence.Id);
            _live.End(failure.Sequence, new SequenceEnd(
                FinishReason.Failed, Message: $"Its blocks could not be moved to or from host memory: {failure.Exception.Message}"));
        }
    }

    private void Fail(Exception exception)
    {
        _failures++;
        _logger.LogStepFailed(exception, _steps, _batch.Entries.Count);
        var end = new SequenceEnd(FinishReason.Failed, Message: $"The model's step failed: {exception.Message}");
        for (var i = 0; i < _batch.Entries.Count; i++)
        {
            _live.End(_batch.Entries[i].Sequence, end);
        }

        for (var i = 0; i < _batch.Followers.Count; i++)
        {
            _live.End(_batch.Followers[i], end);
        }
    }

    private void Enqueue(Sequence sequence)
    {
        if (sequence.ResumedTokens > 0 && sequence.FindEnd(Facts.MaxLength) is { } end)
        {
            sequence.State = SequenceState.AwaitingPrompt;
            _live.End(sequence, end);
        }
        else if (sequence.Group is { } group && group.Leader != sequence)
        {
            _scheduler.Register(sequence);
        }
        else
        {
            _scheduler.Enqueue(sequence);
        }
    }
}
