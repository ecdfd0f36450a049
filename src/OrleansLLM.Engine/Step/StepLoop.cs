using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace OrleansLLM.Engine;

/// <summary>
/// The one thread that owns an <see cref="EngineCore"/>. Messages enter through its inbox between two steps. Promises: it sleeps without
/// work; its heartbeat counts up once a step and at least once a second between steps; no message and no request ends it; a bug in the engine itself ends all
/// sequences with a message, and everything after is refused.
/// </summary>
internal sealed class StepLoop : IDisposable
{
    private static readonly TimeSpan Beat = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan TransferPoll = TimeSpan.FromMilliseconds(1);

    private readonly EngineCore _core;
    private readonly ConcurrentQueue<Message> _inbox = new();
    private readonly AutoResetEvent _wake = new(false);
    private readonly ILogger _logger;
    private readonly Thread _thread;
    private readonly Lock _snapshotLock = new();
    private EngineStatistics _statistics;
    private TaskCompletionSource? _drained;
    private long _heartbeat;
    private volatile LoopPhase _phase;

    /// <summary>Nobody reads the inbox any more: whoever writes to it refuses what it holds.</summary>
    private volatile bool _isOver;

    public StepLoop(EngineCore core, string name, ILogger logger)
    {
        (_core, _logger) = (core, logger);
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

    /// <summary>Whether new attempts are taken; read by the step's thread and, as a hint, by others.</summary>
    public LoopPhase Phase => _phase;

    /// <summary>
    /// Runs on the step's thread between two steps; the answer is <paramref name="otherwise"/> where the loop has stopped.
    /// </summary>
    public Task<T> AskAsync<T>(Func<EngineCore, T> ask, T otherwise, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        var message = new Message<T>(ask, otherwise);
        _inbox.Enqueue(message);
        _wake.Set();

        // The loop sets _isOver and then empties the inbox; here it is the other way round. With a fence between both, one of the two sees the
        // other's, and who dequeues a message answers it: none waits for ever, none is answered twice.
        Interlocked.MemoryBarrier();
        if (_isOver)
        {
            RefuseInbox();
        }

        return Await(message.Answer).WaitAsync(cancellation);

        // To wake an await costs the step's thread nothing; to wake WaitAsync's own promise would allocate a work item there.
        static async Task<T> Await(Task<T> answer) => await answer.ConfigureAwait(false);
    }

    public async Task DrainAsync(CancellationToken cancellation)
    {
        var drained = await AskAsync(_ => Drain(), Task.CompletedTask, cancellation).ConfigureAwait(false);
        await drained.WaitAsync(cancellation).ConfigureAwait(false);
    }

    /// <summary>Ends what runs with <see cref="FinishReason.ShutDown"/> and lets the thread end; does not wait for it.</summary>
    public void Stop()
    {
        _inbox.Enqueue(new Message<bool>(_ => EndAll(), false));
        _wake.Set();
    }

    public void Dispose()
    {
        Stop();
        _thread.Join();
    }

    private void Run()
    {
        try
        {
            while (_phase != LoopPhase.Stopped)
            {
                Interlocked.Increment(ref _heartbeat);
                ReadInbox();
                var worked = _core.Step();
                TakeSnapshot();
                if (_core.IsIdle)
                {
                    _drained?.TrySetResult();
                }

                if (!worked && _inbox.IsEmpty && _phase != LoopPhase.Stopped)
                {
                    _wake.WaitOne(_core.IsIdle ? Beat : TransferPoll);
                }
            }
        }
#pragma warning disable CA1031 // a bug in the engine must not end the process
        catch (Exception exception)
#pragma warning restore CA1031
        {
            StopAfter(exception);
        }

        _drained?.TrySetResult();
        _isOver = true;
        Interlocked.MemoryBarrier();
        RefuseInbox();
    }

    private void ReadInbox()
    {
        while (_inbox.TryDequeue(out var message))
        {
            message.Run(_core);
        }
    }

    private void TakeSnapshot()
    {
        lock (_snapshotLock)
        {
            _statistics = _core.Statistics;
        }
    }

    private void StopAfter(Exception exception)
    {
        _phase = LoopPhase.Failed;
        _logger.LogLoopStopped(exception);
        try
        {
            _core.EndAll(new SequenceEnd(FinishReason.Failed, Message: $"The engine stopped: {exception.Message}"));
        }
#pragma warning disable CA1031 // what is broken may break here again
        catch (Exception again)
#pragma warning restore CA1031
        {
            _logger.LogEndingFailed(again);
        }
    }

    private Task Drain()
    {
        // Behind a stop in the same inbox it must not let the loop go on.
        if (_phase == LoopPhase.Stopped)
        {
            return Task.CompletedTask;
        }

        _phase = LoopPhase.Draining;
        _drained ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        return _drained.Task;
    }

    private bool EndAll()
    {
        _core.EndAll(Ends.ShutDown);
        _phase = LoopPhase.Stopped;
        return true;
    }

    private void RefuseInbox()
    {
        while (_inbox.TryDequeue(out var message))
        {
            message.Refuse();
        }
    }

    private abstract class Message
    {
        public abstract void Run(EngineCore core);

        public abstract void Refuse();
    }

    private sealed class Message<T>(Func<EngineCore, T> ask, T otherwise) : Message
    {
        private readonly TaskCompletionSource<T> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task<T> Answer => _answer.Task;

        public override void Run(EngineCore core)
        {
            try
            {
                _answer.TrySetResult(ask(core));
            }
            catch (Exception exception)
            {
                _answer.TrySetException(exception);
                throw;
            }
        }

        public override void Refuse() => _answer.TrySetResult(otherwise);
    }
}

internal enum LoopPhase
{
    Running,

    /// <summary>Takes no more attempts and finishes what it holds.</summary>
    Draining,
    Stopped,
    Failed,
}
