using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using OrleansLLM.Compute;
using OrleansLLM.Models;
using OrleansLLM.Sequences;
using static System.FormattableString;

namespace OrleansLLM.Engine;

/// <summary>
/// <see cref="IEngine"/> over a model and its device. What a caller can prepare (checks, arrays, prompt hashes) is done on the caller's
/// thread and accepted there, by the inbox; the step loop's thread does the rest. The model and the device stay the caller's and must outlive the engine.
/// </summary>
public sealed class InferenceEngine : IEngine, IDisposable
{
    private readonly EngineCore _core;
    private readonly Inbox _inbox;
    private readonly StepLoop _loop;
    private readonly Admission _admission;
    private readonly EngineMeters _meters;
    private readonly int _maxWaitingRequests;
    private int _isDisposed;

    /// <param name="time">Measures the requests' time limits; null = the system's clock.</param>
    /// <param name="logger">Learns of a step that fails and of a loop that stops, which the sequences' ends say too; null = nobody.</param>
    /// <exception cref="ArgumentException">Options can't be, such as a KV cache without room for one token; the message says all that is wrong.</exception>
    public InferenceEngine(
        ICausalModel model, IDevice device, EngineOptions options, TimeProvider? time = null, ILogger<InferenceEngine>? logger = null)
        : this(model, device, options, time ?? TimeProvider.System, TimeProvider.System, logger ?? NullLogger<InferenceEngine>.Instance)
    {
    }

    /// <param name="watch">Whose seconds a stuck loop has: another clock than the requests', since a thread gets on in real time only.</param>
    internal InferenceEngine(ICausalModel model, IDevice device, EngineOptions options, TimeProvider time, TimeProvider watch, ILogger logger)
    {
        EngineOptionsValidator.Validate(options, model.Facts, model.MaxRows).ThrowIfAny();
        _maxWaitingRequests = options.MaxWaitingRequests;
        _core = new EngineCore(model, device, options, time, logger);
        _inbox = new Inbox(options, time);
        _admission = new Admission(_core.Facts, _core.Shape);
        _loop = new StepLoop(_core, _inbox, $"step loop {options.Model}", watch, logger);
        _meters = new EngineMeters(options.Model, () => _loop.Statistics);
    }

    public EngineFacts Facts => _core.Facts;

    /// <summary>As of the last step; what was accepted since then waits.</summary>
    public EngineLoad Load
    {
        get
        {
            var load = _loop.Statistics.Load;
            return load with { Waiting = Math.Max(load.Waiting, _inbox.Accepted - load.Running - load.Preempted) };
        }
    }

    /// <summary>As of the last step.</summary>
    public EngineStatistics Statistics => _loop.Statistics;

    /// <summary>Lets the meters count from 0 on: what ran so far, a warm-up, was nobody's request.</summary>
    public void RestartMeters() => _meters.Restart();

    public long Progress => _loop.Progress;

    public string? Failure => _loop.Failure;

    /// <summary>Whether model and device are free to go; not so while a step is stuck in them, also after the disposal.</summary>
    public bool HasLeftDevice => _loop.HasEnded;

    public ValueTask<SubmitResult> SubmitAsync(Attempt attempt, IStepSink sink, CancellationToken cancellation)
    {
        var refused = _admission.Check(attempt);
        if (refused is not null)
        {
            return ValueTask.FromResult<SubmitResult>(refused);
        }

        var sequences = _core.Prepare(attempt);
        if (_inbox.HasSeatsFor(sequences.Length))
        {
            Array.ForEach(sequences, sequence => sequence.MakeRoom());
        }

        var outcome = _inbox.Submit(sequences, sink);
        return ValueTask.FromResult<SubmitResult>(outcome.Verdict switch
        {
            SubmitVerdict.Taken => new SubmitResult.Accepted([.. sequences.Select(sequence => sequence.Id)]),
            SubmitVerdict.QueueFull => new SubmitResult.Refused(
                RefusalReason.QueueFull,
                Invariant($"{outcome.Waiting} requests wait before this one already, and no more than {_maxWaitingRequests} may (--max-waiting-requests). Try again later."),
                outcome.UntilNextPlace),
            _ => Unavailable,
        });
    }

    public ValueTask<SubmitResult> ForkAsync(
        AttemptId parent, int at, IReadOnlyList<SequenceId> children, CancellationToken cancellation)
    {
        if (_inbox.View(parent) is not { } view)
        {
            return ValueTask.FromResult<SubmitResult>(_inbox.Phase >= LoopPhase.Stopped
                ? Unavailable
                : new SubmitResult.Refused(RefusalReason.UnknownSequence, $"The engine does not hold {parent.Sequence} any more."));
        }

        if (at < 1 || at > view.Count)
        {
            return ValueTask.FromResult<SubmitResult>(
                new SubmitResult.Refused(RefusalReason.Invalid, Invariant($"A fork of {parent.Sequence} can begin at 1 to {view.Count}, not at {at}.")));
        }

        // Between the look and the children's arrival the parent goes on, or ends, which changes nothing before `at`.
        var forks = Fork(view, at, children);
        return ValueTask.FromResult<SubmitResult>(_inbox.TryFork(view, forks) ? new SubmitResult.Accepted(children) : Unavailable);
    }

    public ValueTask<int?> ChangeAsync(AttemptId attempt, SequenceChange change, CancellationToken cancellation) =>
        ValueTask.FromResult(_admission.CheckChange(change) is null ? _inbox.Change(attempt, change, _core.Prepare(change)) : null);

    public ValueTask AbortAsync(AttemptId attempt, CancellationToken cancellation)
    {
        _inbox.Abort(attempt);
        return ValueTask.CompletedTask;
    }

    public ValueTask<SequenceDescription?> DescribeAsync(AttemptId attempt, CancellationToken cancellation) =>
        ValueTask.FromResult(_inbox.View(attempt)?.Describe());

    public Task<bool> RedirectAsync(AttemptId attempt, IStepSink sink) => _inbox.RedirectAsync(attempt, sink);

    public IReadOnlyList<HeldAttempt> ListAttempts(IStepSink sink) => _inbox.List(sink);

    public ValueTask<int> MatchPrefixAsync(ReadOnlyMemory<int> promptIds, string prefixOwner, CancellationToken cancellation)
    {
        var hashes = new PrefixHash[Math.Max(0, promptIds.Length - 1) / Facts.BlockSize];
        var previous = _core.Hasher.Seed(prefixOwner, promptIds.Length);
        for (var i = 0; i < hashes.Length; i++)
        {
            hashes[i] = previous = PrefixHasher.Next(previous, promptIds.Span.Slice(i * Facts.BlockSize, Facts.BlockSize));
        }

        return ValueTask.FromResult(_core.MatchPrefix(hashes));
    }

    public Task DrainAsync(CancellationToken cancellation) => _inbox.DrainAsync().WaitAsync(cancellation);

    /// <summary>
    /// The idle check: what contradicts an engine at rest, or null where every block is free or cached. While sequences are here it says so.
    /// </summary>
    public Task<string?> FindLeakAsync(CancellationToken cancellation) => AskAsync(core => core.FindLeak(), null).WaitAsync(cancellation);

    /// <summary>Ends what runs with <see cref="FinishReason.ShutDown"/>, which is still published, and takes nothing more.</summary>
    public void Stop() => _inbox.Stop();

    /// <summary>Ends what runs with <see cref="FinishReason.ShutDown"/>, stops the loop and frees the cache.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) == 0)
        {
            _meters.Dispose();
            _loop.Dispose();
            if (_loop.HasEnded)
            {
                _core.Dispose();
            }
        }
    }

    /// <summary>For tests that look at the step's own thread.</summary>
    internal Task<T> AskAsync<T>(Func<EngineCore, T> ask, T otherwise) => _inbox.AskAsync(ask, otherwise);

    private SubmitResult.Refused Unavailable => new(
        RefusalReason.Unavailable, Failure ?? "The engine is stopping and takes nothing more.", TimeSpan.FromSeconds(1));

    private Sequence[] Fork(SequenceView parent, int at, IReadOnlyList<SequenceId> children)
    {
        var tokens = new int[at];
        parent.Sequence.CopyTo(tokens);
        var prompt = Math.Min(at, parent.Sequence.PromptLength);
        var asked = parent.Sequence.Request;
        var request = asked with
        {
            PromptIds = asked.PromptIds[..prompt],
            Sampling = parent.Sampling with { PromptLogprobs = asked.Sampling.PromptLogprobs },
            MaxTokens = parent.MaxTokens,
            Priority = parent.Priority,
        };
        var forks = children.Select(child => new Sequence(request, parent.Sequence.Epoch, child, tokens.AsSpan(prompt), _core.Shape)).ToArray();
        foreach (var fork in forks)
        {
            fork.MakeRoom();
            fork.PreparePromptLogprobs();
        }

        return forks;
    }
}
