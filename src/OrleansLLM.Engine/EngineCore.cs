using OrleansLLM.Compute;
using OrleansLLM.Models;

namespace OrleansLLM.Engine;

/// <summary>
/// An engine without its thread: <c>step = schedule, run, sample, commit</c>. Promises: no step leaves a block without an owner; a
/// sequence that ends frees its blocks at once, last first; an error of the device ends the step's sequences and nothing else. Not
/// thread safe: one thread calls it, and after warm-up that thread allocates nothing here.
/// </summary>
internal sealed class EngineCore : IDisposable
{
    private readonly EngineOptions _options;
    private readonly Dictionary<SequenceId, Sequence> _sequences = [];
    private readonly Dictionary<IStepSink, StepOutbox> _outboxes = [];
    private readonly List<Sequence> _expired = [];
    private readonly Batch _batch = new();
    private readonly BlockManager _blocks;
    private readonly KvCache _cache;
    private readonly SwapSpace _swap;
    private readonly Scheduler _scheduler;
    private readonly ModelRunner _runner;
    private readonly TimeProvider _time;
    private readonly Action<string> _log;
    private long _nextDeadline = long.MaxValue;
    private long _steps;
    private long _promptTokens;
    private long _cachedPromptTokens;
    private long _generatedTokens;
    private long _failures;

    public EngineCore(ICausalModel model, IDevice device, EngineOptions options, TimeProvider time, Action<string> log)
    {
        (_options, _time, _log) = (options, time, log);
        var geometry = model.Facts.Cache.Geometry with { BlockSize = options.BlockSize };
        var blocks = CountBlocks(options.KvCacheBytes, geometry);
        Shape = new CacheShape(options.BlockSize, model.Facts.Cache.Groups, options.MaxBatchedTokens);
        var maxLength = Shape.MostTokensIn(blocks, options.MaxModelLength ?? model.Facts.MaxLength);
        if (maxLength < 1)
        {
            throw new ArgumentException(
                $"KvCacheBytes ({options.KvCacheBytes}) gives {blocks} blocks of {geometry.BytesPerBlock} bytes, too few for one token in "
                + $"{Shape.Groups.Count} cache groups. Give the KV cache more memory.", nameof(options));
        }

        var fingerprint = $"{model.Facts.Fingerprint:x32}-{geometry.Type}-{device.Description.Kind}";
        Facts = new EngineFacts(
            options.Model, maxLength, model.Facts.VocabularySize, options.BlockSize, blocks, fingerprint, device.Description.Name);
        Hasher = new PrefixHasher(fingerprint, options.BlockSize, model.Facts.DynamicRopeOrigin);
        _cache = device.AllocateKv(geometry, blocks);
        model.Attach(_cache);
        _blocks = new BlockManager(blocks, Shape, Hasher, options.PrefixCaching);
        _swap = new SwapSpace(device, _cache, _blocks, CountHostBlocks(options, geometry, blocks));
        _scheduler = new Scheduler(options, _blocks, _swap, device.Description.CheaperPreemption);
        _runner = new ModelRunner(model, device, _cache, Shape, options, maxLength);
    }

    public EngineFacts Facts { get; }

    public CacheShape Shape { get; }

    public PrefixHasher Hasher { get; }

    public bool IsIdle => _sequences.Count == 0 && !_swap.IsUnderWay;

    public IReadOnlyCollection<Sequence> Sequences => _sequences.Values;

    public BlockManager Blocks => _blocks;

    public SwapSpace Swap => _swap;

    public EngineStatistics Statistics => new(
        new EngineLoad(
            _scheduler.Running, _scheduler.Waiting, _scheduler.Preempted, _blocks.Pool.Total, _blocks.Pool.Used, _blocks.Pool.Cached, _steps),
        _promptTokens, _cachedPromptTokens, _generatedTokens, _scheduler.PrefixQueries, _scheduler.PrefixHits,
        _scheduler.PreemptionsByRecompute, _scheduler.PreemptionsBySwap, _failures);

    /// <summary>Takes in sequences that were made for this attempt; the caller has asked <see cref="Admission"/>.</summary>
    public SubmitResult Submit(IReadOnlyList<Sequence> sequences, IStepSink sink)
    {
        if (_sequences.TryGetValue(sequences[0].Id, out var known) && known.Epoch >= sequences[0].Epoch)
        {
            return Accepted(sequences);
        }

        if (_scheduler.Waiting >= _options.MaxWaitingRequests && sequences.All(sequence => sequence.ResumedTokens == 0))
        {
            return new SubmitResult.Refused(
                RefusalReason.QueueFull,
                $"{_scheduler.Waiting} requests wait already, and no more than {_options.MaxWaitingRequests} may (--max-waiting-requests). Try again later.",
                TimeSpan.FromSeconds(1));
        }

        foreach (var sequence in sequences)
        {
            End(sequence.Id);
            Take(sequence, OutboxOf(sink));
        }

        Enqueue(sequences);
        return Accepted(sequences);
    }

    /// <summary>Null where it is not here.</summary>
    public Sequence? Find(SequenceId id) => _sequences.GetValueOrDefault(id);

    /// <summary>Takes in a child that begins with its parent's tokens.</summary>
    public void AddFork(Sequence parent, Sequence child)
    {
        Take(child, parent.Outbox!);
        if (child.FindEnd(Facts.MaxLength) is { Reason: FinishReason.Length } end)
        {
            child.State = SequenceState.AwaitingPrompt;
            Finish(child, end);
        }
        else if (!_scheduler.TryRunFork(parent, child))
        {
            _scheduler.Enqueue(child);
        }
    }

    /// <summary>False where it is not here.</summary>
    public bool Change(SequenceId id, SequenceChange change)
    {
        if (!_sequences.TryGetValue(id, out var sequence))
        {
            return false;
        }

        if (change.Sampling is { } sampling)
        {
            sequence.Change(sampling);
        }

        if (change.Priority is { } priority)
        {
            _scheduler.ChangePriority(sequence, priority);
        }

        sequence.MaxTokens = change.MaxTokens ?? sequence.MaxTokens;
        if (sequence.OutputLength > 0 && sequence.OutputLength >= sequence.MaxTokens)
        {
            Finish(sequence, Ends.Length);
        }

        return true;
    }

    /// <summary>Ends a sequence without a word to its sink; nothing happens where it is not here.</summary>
    public void End(SequenceId id)
    {
        if (_sequences.TryGetValue(id, out var sequence))
        {
            Drop(sequence);
        }
    }

    /// <summary>Ends everything, and says so to the sinks.</summary>
    public void EndAll(SequenceEnd end)
    {
        foreach (var sequence in _sequences.Values.ToArray())
        {
            Finish(sequence, end);
        }

        Publish();
    }

    public int MatchPrefix(ReadOnlySpan<UInt128> hashes) => _blocks.Match(hashes) * Shape.BlockSize;

    /// <summary>One step; false where there was nothing to compute.</summary>
    public bool Step()
    {
        ExpireDeadlines();
        _scheduler.Schedule(_batch);
        var worked = !_batch.IsEmpty;
        if (worked)
        {
            _steps++;
            RunBatch();
        }

        Publish();
        return worked;
    }

    /// <summary>What contradicts an engine at rest, or null: with no sequence every block is free or cached.</summary>
    public string? FindLeak()
    {
        if (!IsIdle)
        {
            return $"{_sequences.Count} sequences are here.";
        }

        return _swap.Free != _swap.Total
            ? $"{_swap.Total - _swap.Free} host blocks are taken though nothing is swapped out."
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

        Commit();
    }

    private void Fail(Exception exception)
    {
        _failures++;
        _log($"Step {_steps} failed with {_batch.Entries.Count} sequences; they end, the others go on. {exception}");
        var end = new SequenceEnd(FinishReason.Failed, Message: $"The model's step failed: {exception.Message}");
        for (var i = 0; i < _batch.Entries.Count; i++)
        {
            Finish(_batch.Entries[i].Sequence, end);
        }

        for (var i = 0; i < _batch.Followers.Count; i++)
        {
            Finish(_batch.Followers[i], end);
        }
    }

    private void Commit()
    {
        var drawn = 0;
        for (var i = 0; i < _batch.Entries.Count; i++)
        {
            var entry = _batch.Entries[i];
            var sequence = entry.Sequence;
            sequence.Computed += entry.Count;
            _blocks.Commit(sequence);
            if (sequence.Computed < sequence.Count)
            {
                continue;
            }

            CountPrompt(sequence);
            for (var follower = 0; follower < entry.Followers; follower++)
            {
                var next = _batch.Followers[entry.FirstFollower + follower];
                next.PromptLogprobs = sequence.PromptLogprobs;
                _scheduler.StartFollower(sequence, next);
            }

            drawn = CommitDraw(sequence, entry.Draw, drawn);
            for (var follower = 0; follower < entry.Followers; follower++)
            {
                drawn = CommitDraw(_batch.Followers[entry.FirstFollower + follower], entry.Draw, drawn);
            }
        }
    }

    private int CommitDraw(Sequence sequence, Draw draw, int index)
    {
        if (draw == Draw.Nothing)
        {
            Finish(sequence, Ends.Length);
            return index;
        }

        var token = _runner.Drawn[index];
        sequence.Append(token);
        _generatedTokens++;
        var end = sequence.FindEnd(Facts.MaxLength);
        Publish(sequence, sequence.Count - 1, token, _runner.DrawnLogprobs[index], end);
        if (end is not null)
        {
            Drop(sequence);
        }

        return index + 1;
    }

    private void CountPrompt(Sequence sequence)
    {
        if (sequence.Count == sequence.PromptLength)
        {
            _promptTokens += sequence.PromptLength;
            _cachedPromptTokens += sequence.CachedTokens;
        }
    }

    /// <summary>Ends a sequence and leaves word of it for its sink.</summary>
    private void Finish(Sequence sequence, SequenceEnd end)
    {
        Publish(sequence, sequence.Count, null, null, end);
        Drop(sequence);
    }

    private static void Publish(Sequence sequence, int position, int? token, TokenLogprobs? logprobs, SequenceEnd? end)
    {
        IReadOnlyList<TokenLogprobs?>? prompt = null;
        if (sequence.NeedsPromptLogprobs && sequence.Computed >= sequence.PromptLength)
        {
            prompt = sequence.PromptLogprobs ??= new TokenLogprobs?[sequence.PromptLength];
            sequence.ArePromptLogprobsDone = true;
        }

        sequence.Outbox!.Add(new StepEntry(
            sequence.Id, sequence.Epoch, position, token, logprobs, prompt, Math.Max(0, sequence.CachedTokens), end));
    }

    private void Drop(Sequence sequence)
    {
        _sequences.Remove(sequence.Id);
        sequence.Outbox!.Sequences--;
        if (sequence.Group is { } group)
        {
            sequence.Group = null;
            if (group.Leader != sequence)
            {
                group.Followers.Remove(sequence);
            }
            else if (group.Succeed() is { } next)
            {
                _scheduler.EnqueueAgain(next);
            }
        }

        _scheduler.Remove(sequence);
    }

    private void Take(Sequence sequence, StepOutbox outbox)
    {
        _sequences.Add(sequence.Id, sequence);
        sequence.Outbox = outbox;
        outbox.Sequences++;
        var now = _time.GetTimestamp();
        sequence.Deadline = DeadlineOf(now, sequence.Request.Timeout);
        sequence.QueueDeadline = DeadlineOf(now, sequence.Request.QueueTimeout);
        _nextDeadline = Math.Min(_nextDeadline, Math.Min(sequence.Deadline, sequence.QueueDeadline));
    }

    private void Enqueue(IReadOnlyList<Sequence> sequences)
    {
        var fresh = sequences.Where(sequence => sequence.ResumedTokens == 0).ToArray();
        foreach (var sequence in sequences)
        {
            if (sequence.ResumedTokens > 0 && sequence.FindEnd(Facts.MaxLength) is { } end)
            {
                sequence.State = SequenceState.AwaitingPrompt;
                Finish(sequence, end);
            }
            else if (sequence.ResumedTokens > 0 || sequence == fresh[0])
            {
                _scheduler.Enqueue(sequence);
            }
            else
            {
                _scheduler.Register(sequence);
            }
        }

        if (fresh.Length > 1)
        {
            _ = new SequenceGroup(fresh[0], fresh.Skip(1));
        }
    }

    private void ExpireDeadlines()
    {
        var now = _nextDeadline == long.MaxValue ? 0 : _time.GetTimestamp();
        if (now < _nextDeadline)
        {
            return;
        }

        _nextDeadline = long.MaxValue;
        foreach (var sequence in _sequences.Values)
        {
            if (sequence.Deadline <= now || sequence.QueueDeadline <= now)
            {
                _expired.Add(sequence);
            }
            else
            {
                _nextDeadline = Math.Min(_nextDeadline, Math.Min(sequence.Deadline, sequence.QueueDeadline));
            }
        }

        foreach (var sequence in _expired)
        {
            Finish(sequence, sequence.QueueDeadline <= now ? Ends.QueueTimedOut : Ends.TimedOut);
        }

        _expired.Clear();
    }

    private void Publish()
    {
        foreach (var (sink, outbox) in _outboxes)
        {
            try
            {
                outbox.Publish();
            }
#pragma warning disable CA1031 // a sink that throws loses its step, the others do not
            catch (Exception exception)
#pragma warning restore CA1031
            {
                _log($"A sink failed to take step {_steps}: {exception}");
                outbox.Drop();
            }

            if (outbox.Sequences == 0)
            {
                _outboxes.Remove(sink);
            }
        }
    }

    private StepOutbox OutboxOf(IStepSink sink)
    {
        if (!_outboxes.TryGetValue(sink, out var outbox))
        {
            _outboxes.Add(sink, outbox = new StepOutbox(sink));
        }

        return outbox;
    }

    private long DeadlineOf(long now, TimeSpan? after) => after is { } span
        ? now + (long)Math.Min(span.TotalSeconds * _time.TimestampFrequency, long.MaxValue / 4.0)
        : long.MaxValue;

    private static SubmitResult.Accepted Accepted(IReadOnlyList<Sequence> sequences) => new([.. sequences.Select(sequence => sequence.Id)]);

    private static int CountBlocks(long bytes, KvGeometry geometry) =>
        (int)Math.Min(Math.Max(0, bytes) / geometry.BytesPerBlock, Array.MaxLength / 64);

    private static int CountHostBlocks(EngineOptions options, KvGeometry geometry, int blocks) => options switch
    {
        { Preemption: PreemptionMode.Recompute } => 0,
        { Preemption: PreemptionMode.Swap, SwapBytes: 0 } => blocks,
        _ => CountBlocks(options.SwapBytes, geometry),
    };
}
