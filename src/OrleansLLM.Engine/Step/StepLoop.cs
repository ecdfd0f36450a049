using Microsoft.Extensions.Logging;

namespace OrleansLLM.Engine;

/// <summary>
/// The one thread that owns an <see cref="EngineCore"/>. What the <see cref="Inbox"/> has accepted enters between two steps. Promises: it sleeps
/// without work; its progress counts up with every layer and step, and at least once a second without work; no message and no request ends it; a
/// bug in the engine itself, or a step that gets nowhere, ends all sequences with a message, and everything after is refused.
/// </summary>
internal sealed class StepLoop : IDisposable
{
    private static readonly TimeSpan Beat = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan LastWait = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan TransferPoll = TimeSpan.FromMilliseconds(1);

    private readonly EngineCore _core;
    private readonly Inbox _inbox;
    private readonly ILogger _logger;
    private readonly Thread _thread;
    private readonly Lock _snapshotLock = new();
    private readonly StepWatch _watch;
    private EngineStatistics _statistics;
    private long _rounds;
    private volatile string? _failure;

    public StepLoop(EngineCore core, Inbox inbox, string name, TimeProvider watch, ILogger logger)
    {
        (_core, _inbox, _logger) = (core, inbox, logger);
        _statistics = core.Statistics;
        _thread = new Thread(Run) { IsBackground = true, Name = name };
        _thread.Start();
        _watch = new StepWatch(() => Progress, GiveUp, watch);
    }

    public long Progress => Interlocked.Read(ref _rounds) + _core.Progress;

    /// <summary>Why it computes nothing any more, as a sentence; null while it can.</summary>
    public string? Failure => _failure;

    /// <summary>Whether the thread has ended: it uses the model and the device no more.</summary>
    public bool HasEnded => !_thread.IsAlive;

    /// <summary>As of the last step.</summary>
    public EngineStatistics Statistics
    {
        get
        {
            lock (_snapshotLock)
            {
                return _statistics with { HasFailed = _failure is not null };
            }
        }
    }

    /// <summary>Ends what runs with <see cref="FinishReason.ShutDown"/> and waits for the thread, for a stuck one not long.</summary>
    public void Dispose()
    {
        _inbox.Stop();
        while (!_thread.Join(LastWait) && _failure is null)
        {
        }

        _watch.Dispose();
    }

    private void Run()
    {
        var end = Ends.ShutDown;
        var phase = LoopPhase.Stopped;
        try
        {
            while (_inbox.TryDeliver(_core))
            {
                Interlocked.Increment(ref _rounds);
                var worked = _core.Compute();

                // Whoever has read a step's tokens finds them in the statistics.
                TakeSnapshot();
                _core.Publish();
                if (!worked)
                {
                    _inbox.Wait(_core.IsIdle ? Beat : TransferPoll);
                }
            }
        }
#pragma warning disable CA1031 // a bug in the engine must not end the process
        catch (Exception exception)
#pragma warning restore CA1031
        {
            phase = LoopPhase.Failed;
            end = Fail($"The engine stopped: {exception.Message}");
            _logger.LogLoopStopped(exception);
        }

        EndAll(end);
        TakeSnapshot();
        Acceptance.End(_inbox.Close(phase), end, _logger);
    }

    /// <summary>On the watch's thread: the loop's own may never come back, and finds nothing to do where it does.</summary>
    private void GiveUp()
    {
        if (HasEnded)
        {
            return;
        }

        var end = Fail(FormattableString.Invariant($"The engine is stuck: its step has got nowhere for {StepWatch.Patience.TotalSeconds:0} s."));
        _logger.LogLoopStuck(StepWatch.Patience.TotalSeconds, _inbox.Accepted);
        Acceptance.End(_inbox.Close(LoopPhase.Failed), end, _logger);
    }

    private SequenceEnd Fail(string failure)
    {
        _failure = failure;
        return new SequenceEnd(FinishReason.Failed, Message: failure);
    }

    private void TakeSnapshot()
    {
        lock (_snapshotLock)
        {
            _statistics = _core.Statistics;
        }
    }

    private void EndAll(SequenceEnd end)
    {
        try
        {
            _core.EndAll(end);
        }
#pragma warning disable CA1031 // what is broken may break here again
        catch (Exception again)
#pragma warning restore CA1031
        {
            _logger.LogEndingFailed(again);
        }
    }
}
