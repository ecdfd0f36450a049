using System.Buffers;
using OrleansLLM.Sequences;

namespace OrleansLLM.Cluster;

/// <summary>
/// Carries a worker's tokens to one life of a gateway. <see cref="OnStep"/> only copies the step's entries into a pending buffer: it never waits
/// for the gateway and allocates nothing once its buffers have grown. One call to the gateway's sink is under way at any time; what is
/// produced meanwhile goes with the next one, so order, loss and back-pressure need no further protocol. What goes out stands in the worker's own copy
/// first. A call that fails is repeated with the same bytes (positions make a repetition harmless) for as long as the table of members has the
/// gateway; then what follows goes to the copy alone, for the gateway that goes on, or, where there can be none, is aborted in its engine.
/// </summary>
/// <param name="suspect">Left when a token of its holder was delivered.</param>
/// <param name="copies">Null in a cluster of one, whose gateway dies with the worker.</param>
internal sealed class GatewayOutlet(
    IEngine engine, GatewayLine line, SuspectSeat suspect, AttemptCopies? copies, TimeProvider time) : IStepSink, IThreadPoolWorkItem
{
    /// <summary>Beyond which the table of members decides.</summary>
    private const int FewestTries = 5;

    private static readonly TimeSpan RetryPause = TimeSpan.FromMilliseconds(200);

    private readonly Lock _gate = new();
    private ArrayBufferWriter<byte> _pending = new(4096);
    private ArrayBufferWriter<byte> _underWay = new(4096);
    private RequestId? _pendingSuspect;
    private RequestId? _suspectUnderWay;
    private bool _isSending;
    private volatile bool _isLost;

    /// <summary>The gateway can't be reached any more: the next attempt from there needs a new outlet.</summary>
    public bool IsLost => _isLost;

    public void OnStep(StepBatch batch)
    {
        lock (_gate)
        {
            for (var i = 0; i < batch.Entries.Count; i++)
            {
                StepFormat.Append(_pending, batch.Entries[i]);
                if (suspect.IsHeldBy(batch.Entries[i].Sequence.Request))
                {
                    _pendingSuspect = batch.Entries[i].Sequence.Request;
                }
            }

            if (_isSending)
            {
                return;
            }

            _isSending = true;
        }

        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    /// <summary>Has all that was published so far copied.</summary>
    public void Flush()
    {
        lock (_gate)
        {
            copies?.Append(_pending.WrittenSpan);
        }
    }

    void IThreadPoolWorkItem.Execute() => _ = SendAsync();

    private async Task SendAsync()
    {
        while (TryTakePending())
        {
            if (_isLost || !await TryDeliverAsync())
            {
                _isLost = true;
                AbortWithoutCopy();
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
                _isSending = false;
                return false;
            }

            copies?.Append(_pending.WrittenSpan);
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
                await line.SendAsync(_underWay.WrittenMemory);
                return true;
            }
            catch (Exception exception) when (exception is not InvalidDataException && (tries < FewestTries || line.IsMember))
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

    private void AbortWithoutCopy()
    {
        var entries = _underWay.WrittenSpan;
        while (copies is null && StepFormat.TryRead(ref entries, out var entry))
        {
            _ = engine.AbortAsync(AttemptId.Of(entry), CancellationToken.None).AsTask();
        }
    }
}

/// <summary>The way to the sink of one life of a gateway.</summary>
/// <param name="gateway">The gateway's silo.</param>
internal sealed class GatewayLine(WorkerId worker, GatewayMessage gateway, IGatewaySinkGrain sink, Func<bool> isMember)
{
    /// <summary>Whether the table of members has that life of it.</summary>
    public bool IsMember => isMember();

    /// <exception cref="InvalidDataException">The sink belongs to another life of the gateway, or reads another version.</exception>
    public Task SendAsync(ReadOnlyMemory<byte> entries) => sink.OnStep(new StepMessage(worker, entries, gateway.Address));
}
