using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using OrleansLLM.Compute;
using OrleansLLM.Models;
using OrleansLLM.Sequences;
using static System.FormattableString;

namespace OrleansLLM.Engine;

/// <summary>
/// <see cref="IEngine"/> over a model and its device. What a caller can prepare (checks, arrays, prompt hashes) is done on the caller's
/// thread; the step loop's thread does the rest. The model and the device stay the caller's and must outlive the engine.
/// </summary>
public sealed class InferenceEngine : IEngine, IDisposable
{
    private readonly EngineCore _core;
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
    {
        EngineOptionsValidator.Validate(options, model.Facts, model.MaxRows).ThrowIfAny();
        logger ??= NullLogger<InferenceEngine>.Instance;
        _maxWaitingRequests = options.MaxWaitingRequests;
        _core = new EngineCore(model, device, options, time ?? TimeProvider.System, logger);
        _admission = new Admission(_core.Facts, _core.Shape);
        _loop = new StepLoop(_core, $"step loop {options.Model}", logger);
        _meters = new EngineMeters(options.Model, () => _loop.Statistics);
    }

    public EngineFacts Facts => _core.Facts;

    public EngineLoad Load => _loop.Statistics.Load;

    /// <summary>As of the last step.</summary>
    public EngineStatistics Statistics => _loop.Statistics;

    /// <summary>Lets the meters count from 0 on: what ran so far, a warm-up, was nobody's request.</summary>
    public void RestartMeters() => _meters.Restart();

    public long Heartbeat => _loop.Heartbeat;

    public async ValueTask<SubmitResult> SubmitAsync(Attempt attempt, IStepSink sink, CancellationToken cancellation)
    {
        var refused = _admission.Check(attempt);
        if (refused is not null)
        {
            return refused;
        }

        var sequences = _core.Prepare(attempt);
        var outcome = await _loop.AskAsync(
            core => _loop.Phase == LoopPhase.Running ? core.Submit(sequences, sink) : new SubmitOutcome(SubmitVerdict.Unavailable),
            new SubmitOutcome(SubmitVerdict.Unavailable),
            cancellation).ConfigureAwait(false);
        return outcome.Verdict switch
        {
            SubmitVerdict.Taken => new SubmitResult.Accepted([.. sequences.Select(sequence => sequence.Id)]),
            SubmitVerdict.QueueFull => new SubmitResult.Refused(
                RefusalReason.QueueFull,
                Invariant($"{outcome.Waiting} requests wait already, and no more than {_maxWaitingRequests} may (--max-waiting-requests). Try again later."),
                outcome.UntilNextPlace),
            _ => Unavailable,
        };
    }

    public async ValueTask<SubmitResult> ForkAsync(
        SequenceId sequence, int at, IReadOnlyList<SequenceId> children, CancellationToken cancellation)
    {
        // Two messages, because the children are made here: between them the parent goes on, or ends, which changes nothing before `at`.
        var tokens = new int[Math.Clamp(at, 0, Facts.MaxLength)];
        var parent = await _loop.AskAsync(core => Copy(core.Find(sequence), tokens), null, cancellation).ConfigureAwait(false);
        if (parent is not { } view)
        {
            return _loop.Phase is LoopPhase.Stopped or LoopPhase.Failed
                ? Unavailable
                : new SubmitResult.Refused(RefusalReason.UnknownSequence, $"The engine does not hold {sequence} any more.");
        }

        if (at < 1 || at > view.Count)
        {
            return new SubmitResult.Refused(RefusalReason.Invalid, Invariant($"A fork of {sequence} can begin at 1 to {view.Count}, not at {at}."));
        }

        var forks = Fork(view, tokens, children);
        return await _loop.AskAsync(core => TryAdd(core, view, forks), false, cancellation).ConfigureAwait(false)
            ? new SubmitResult.Accepted(children)
            : Unavailable;
    }

    public async ValueTask<bool> ChangeAsync(SequenceId sequence, SequenceChange change, CancellationToken cancellation)
    {
        if (_admission.CheckChange(change) is not null)
        {
            return false;
        }

        var prepared = _core.Prepare(change);
        return await _loop.AskAsync(core => core.Change(sequence, change, prepared), false, cancellation).ConfigureAwait(false);
    }

    public async ValueTask AbortAsync(SequenceId sequence, CancellationToken cancellation) =>
        await _loop.AskAsync(
            core =>
            {
                core.Abort(sequence);
                return true;
            },
            false,
            cancellation).ConfigureAwait(false);

    public async ValueTask<SequenceDescription?> DescribeAsync(SequenceId sequence, CancellationToken cancellation) =>
        (await _loop.AskAsync(core => SequenceView.Of(core.Find(sequence)), null, cancellation).ConfigureAwait(false))?.Describe();

    public async ValueTask<int> MatchPrefixAsync(ReadOnlyMemory<int> promptIds, string cacheSalt, CancellationToken cancellation)
    {
        var hashes = new PrefixHash[Math.Max(0, promptIds.Length - 1) / Facts.BlockSize];
        var previous = _core.Hasher.Seed(cacheSalt, promptIds.Length);
        for (var i = 0; i < hashes.Length; i++)
        {
            hashes[i] = previous = PrefixHasher.Next(previous, promptIds.Span.Slice(i * Facts.BlockSize, Facts.BlockSize));
        }

        return await _loop.AskAsync(core => core.MatchPrefix(hashes), 0, cancellation).ConfigureAwait(false);
    }

    public Task DrainAsync(CancellationToken cancellation) => _loop.DrainAsync(cancellation);

    /// <summary>
    /// The idle check: what contradicts an engine at rest, or null where every block is free or cached. While sequences are here it says so.
    /// </summary>
    public Task<string?> FindLeakAsync(CancellationToken cancellation) => _loop.AskAsync(core => core.FindLeak(), null, cancellation);

    /// <summary>Ends what runs with <see cref="FinishReason.ShutDown"/>, which is still published, and takes nothing more.</summary>
    public void Stop() => _loop.Stop();

    /// <summary>Ends what runs with <see cref="FinishReason.ShutDown"/>, stops the loop and frees the cache.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) == 0)
        {
            _meters.Dispose();
            _loop.Dispose();
            _core.Dispose();
        }
    }

    /// <summary>For tests that look at the step's own thread.</summary>
    internal Task<T> AskAsync<T>(Func<EngineCore, T> ask, T otherwise) => _loop.AskAsync(ask, otherwise, CancellationToken.None);

    private static SubmitResult.Refused Unavailable { get; } = new(
        RefusalReason.Unavailable, "The engine is stopping and takes nothing more.", TimeSpan.FromSeconds(1));

    private static SequenceView? Copy(Sequence? parent, Span<int> tokens)
    {
        parent?.Tokens[..Math.Min(tokens.Length, parent.Count)].CopyTo(tokens);
        return SequenceView.Of(parent);
    }

    private Sequence[] Fork(SequenceView parent, int[] tokens, IReadOnlyList<SequenceId> children)
    {
        var prompt = Math.Min(tokens.Length, parent.Sequence.PromptLength);
        var asked = parent.Sequence.Request;
        var request = asked with
        {
            PromptIds = asked.PromptIds[..prompt],
            Sampling = parent.Sampling with { PromptLogprobs = asked.Sampling.PromptLogprobs },
            MaxTokens = parent.MaxTokens,
            Priority = parent.Priority,
        };
        var forks = children.Select(child => new Sequence(request, parent.Sequence.Epoch, child, tokens.AsSpan(prompt), _core.Shape)).ToArray();
        Array.ForEach(forks, fork => fork.PreparePromptLogprobs());
        return forks;
    }

    /// <summary>False where the engine may be drained already: the parent has ended and nothing new is taken.</summary>
    private bool TryAdd(EngineCore core, SequenceView parent, Sequence[] forks)
    {
        if (parent.Sequence.State == SequenceState.Ended && _loop.Phase != LoopPhase.Running)
        {
            return false;
        }

        foreach (var fork in forks)
        {
            if (core.Find(fork.Id) is null)
            {
                core.AddFork(parent.Sequence, fork, parent.Sink);
            }
        }

        return true;
    }
}
