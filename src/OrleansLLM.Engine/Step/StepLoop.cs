using Microsoft.Extensions.Logging;

namespace OrleansLLM.Engine;

/// <summary>
/// The one thread that owns an <see cref="EngineCore"/>. What the <see cref="Inbox"/> has accepted enters between two steps. Promises: it sleeps
/// without work; its heartbeat counts up once a step and at least once a second between steps; no message and no request ends it; a bug in the
/// engine itself ends all sequences with a message, and everything after is refused.
/// </summary>
internal sealed class StepLoop : IDisposable
{
    private static readonly TimeSpan Beat = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan TransferPoll = TimeSpan.FromMilliseconds(1);

    private readonly EngineCore _core;
    private readonly Inbox _inbox;
    private readonly ILogger _logger;
    private readonly Thread _thread;
    private readonly Lock _snapshotLock = new();
    private EngineStatistics _statistics;
    private long _heartbeat;

    public StepLoop(EngineCore core, Inbox inbox, string name, ILogger logger)
    {
        (_core, _inbox, _logger) = (core, inbox, logger);
        _statistics = core.Statistics;
        _thread = new Thread(Run) { IsBackground = true, Name = name };
        _thread.Start();
    }

    public long Heartbeat => Interlocked.Read(ref _heartbeat);

    /// <summary>As of the last step.</summary>
    public EngineStatistics Statistics
    {
        get
        {
            lock (_snapshotLock)
            {
                return _statistics;
            }
        }
    }

    /// <summary>Ends what runs with <see cref="FinishReason.ShutDown"/> and waits for the thread.</summary>
    public void Dispose()
    {
        _inbox.Stop();
        _thread.Join();
    }

    private void Run()
    {
        var end = Ends.ShutDown;
        var phase = LoopPhase.Stopped;
        try
        {
            while (_inbox.TryDeliver(_core))
            {
                Interlocked.Increment(ref _heartbeat);
                var worked = _core.Compute();
                TakeSnapshot();
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
            (phase, end) = (LoopPhase.Failed, new SequenceEnd(FinishReason.Failed, Message: $"The engine stopped: {exception.Message}"));
            _logger.LogLoopStopped(exception);
        }

        EndAll(end);
        TakeSnapshot();
        Acceptance.End(_inbox.Close(phase), end, _logger);
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
