using System.Buffers;
using OrleansLLM.Sequences;

namespace OrleansLLM.Cluster;

/// <summary>
/// Carries a worker's tokens to one gateway. <see cref="OnStep"/> only copies the step's entries into a pending buffer: it never waits
/// for the gateway and allocates nothing once its buffers have grown. One call to the gateway's sink is under way at any time; what is
/// produced meanwhile goes with the next one, so order, loss and back-pressure need no further protocol. A call that fails is repeated
/// with the same bytes (positions make a repetition harmless) for as long as the table of members has the gateway; then every sequence that still
/// speaks through this outlet is aborted in its engine.
/// </summary>
/// <param name="suspect">Left when a token of its holder was delivered.</param>
/// <param name="isMember">Whether the table of members has the gateway.</param>
internal sealed class GatewayOutlet(
    WorkerId worker, IEngine engine, SuspectSeat suspect, IGatewaySinkGrain sink, Func<bool> isMember, TimeProvider time) : IStepSink, IThreadPoolWorkItem
{
    /// <summary>Beyond which the table of members decides.</summary>
    private const int FewestTries = 5;

    private static readonly TimeSpan RetryPause = TimeSpan.FromMilliseconds(200);

    private readonly Lock _gate = new();
    private ArrayBufferWriter<byte> _pending = new(4096);
    private ArrayBufferWriter<byte> _underWay = new(4096);
    private OutletPhase _phase;
    private RequestId? _pendingSuspect;
    private RequestId? _suspectUnderWay;

    private enum OutletPhase
    {
        Idle,
        Sending,
        Lost,
    }

    /// <summary>The gateway can't be reached any more: the next attempt from there needs a new outlet.</summary>
    public bool IsLost
    {
        get
        {
            lock (_gate)
            {
                return _phase == OutletPhase.Lost;
            }
        }
    }

    public void OnStep(StepBatch batch)
    {
        lock (_gate)
        {
            if (_phase == OutletPhase.Lost)
            {
                AbortAll(batch);
                return;
            }

            for (var i = 0; i < batch.Entries.Count; i++)
            {
                StepFormat.Append(_pending, batch.Entries[i]);
                if (suspect.IsHeldBy(batch.Entries[i].Sequence.Request))
                {
                    _pendingSuspect = batch.Entries[i].Sequence.Request;
                }
            }

            if (_phase == OutletPhase.Sending)
            {
                return;
            }

            _phase = OutletPhase.Sending;
        }

        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    void IThreadPoolWorkItem.Execute() => _ = SendAsync();

    private async Task SendAsync()
    {
        while (TryTakePending())
        {
            if (!await TryDeliverAsync())
            {
                Lose();
                return;
            }

            if (_suspectUnderWay is { } proven)
            {
                suspect.Leave(proven);
            }
        }
    }

    private bool TryTakePending()
    {
        lock (_gate)
        {
            if (_pending.WrittenCount == 0)
            {
                _phase = OutletPhase.Idle;
                return false;
            }

            _underWay.ResetWrittenCount();
            (_pending, _underWay) = (_underWay, _pending);
            (_suspectUnderWay, _pendingSuspect) = (_pendingSuspect, null);
            return true;
        }
    }

    private async Task<bool> TryDeliverAsync()
    {
        for (var tries = 1; ; tries++)
        {
            try
            {
                await sink.OnStep(new StepMessage(worker, _underWay.WrittenMemory));
                return true;
            }
            catch (Exception exception) when (exception is not InvalidDataException && (tries < FewestTries || isMember()))
            {
                KeepBytesOfAFailedCall();
                await Task.Delay(RetryPause * Math.Min(tries, FewestTries), time);
            }
            catch (Exception)
            {
                return false;
            }
        }
    }

    /// <summary>The failed call may still be under way with these bytes, so they are not written again.</summary>
    private void KeepBytesOfAFailedCall()
    {
        var again = new ArrayBufferWriter<byte>(Math.Max(4096, _underWay.WrittenCount));
        again.Write(_underWay.WrittenSpan);
        _underWay = again;
    }

    private void Lose()
    {
        ArrayBufferWriter<byte> unsent;
        lock (_gate)
        {
            _phase = OutletPhase.Lost;
            unsent = _pending;
        }

        AbortAll(_underWay.WrittenSpan);
        AbortAll(unsent.WrittenSpan);
    }

    private void AbortAll(ReadOnlySpan<byte> entries)
    {
        while (StepFormat.TryRead(ref entries, out var entry))
        {
            _ = engine.AbortAsync(AttemptId.Of(entry), CancellationToken.None).AsTask();
        }
    }

    private void AbortAll(StepBatch batch)
    {
        for (var i = 0; i < batch.Entries.Count; i++)
        {
            _ = engine.AbortAsync(AttemptId.Of(batch.Entries[i]), CancellationToken.None).AsTask();
        }
    }
}
