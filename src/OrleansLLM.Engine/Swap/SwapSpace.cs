using OrleansLLM.Compute;

namespace OrleansLLM.Engine;

/// <summary>
/// Host memory for the blocks of preempted sequences. Transfers are asynchronous: a sequence whose blocks are under way waits, the step
/// does not; blocks on both sides stay taken until the device says that a transfer is complete. A transfer that the device fails at costs its
/// sequence what it had computed, and is told (<see cref="TryTakeFailure"/>). Not thread safe: the step's thread owns it.
/// </summary>
internal sealed class SwapSpace : IDisposable
{
    private readonly IDevice _device;
    private readonly KvCache _cache;
    private readonly BlockManager _blocks;
    private readonly HostBlocks? _host;
    private readonly Stack<int> _free = [];
    private readonly List<Swap> _underWay = [];
    private readonly Queue<FailedTransfer> _failed = [];
    private readonly BlockMove[] _moves;

    public SwapSpace(IDevice device, KvCache cache, BlockManager blocks, int hostBlocks)
    {
        _device = device;
        _cache = cache;
        _blocks = blocks;
        _host = hostBlocks > 0 ? device.AllocateHostBlocks(cache.Geometry, hostBlocks) : null;
        for (var block = hostBlocks - 1; block >= 0; block--)
        {
            _free.Push(block);
        }

        _moves = new BlockMove[hostBlocks];
        Total = hostBlocks;
    }

    public int Total { get; }

    public int Free => _free.Count;

    public bool IsUnderWay => _underWay.Count > 0;

    /// <summary>Sequences whose blocks are on their way to host memory: the pool gets those blocks back.</summary>
    public int LeavingCount { get; private set; }

    /// <summary>Takes the oldest failure that was not told yet.</summary>
    public bool TryTakeFailure(out FailedTransfer failure) => _failed.TryDequeue(out failure);

    /// <summary>Starts to move a sequence's blocks to host memory; false where they do not fit, or the device failed.</summary>
    public bool TryMoveOut(Sequence sequence)
    {
        var held = 0;
        var tables = sequence.Tables;
        for (var group = 0; group < _blocks.Shape.Groups.Count; group++)
        {
            held += tables.Count - tables.FirstHeld(group);
        }

        if (_host is null || held == 0 || held > _free.Count)
        {
            return false;
        }

        for (var group = 0; group < _blocks.Shape.Groups.Count; group++)
        {
            var places = tables.HostBlocks(group);
            for (var index = tables.FirstHeld(group); index < tables.Count; index++)
            {
                places[index] = _free.Pop();
            }
        }

        if (!TryStart(sequence, SwapDirection.Out))
        {
            ReleaseHost(tables);
            return false;
        }

        sequence.State = SequenceState.SwappingOut;
        LeavingCount++;
        return true;
    }

    /// <summary>
    /// Takes blocks for a swapped sequence and starts to fill them; the pool must have them. False where the device failed: nothing of it is
    /// computed then.
    /// </summary>
    public bool TryMoveIn(Sequence sequence)
    {
        var tables = sequence.Tables;
        for (var group = 0; group < _blocks.Shape.Groups.Count; group++)
        {
            for (var index = tables.FirstHeld(group); index < tables.Count; index++)
            {
                tables.Replace(group, index, _blocks.Pool.Take());
            }
        }

        tables.Registered = 0;
        if (!TryStart(sequence, SwapDirection.In))
        {
            Lose(sequence);
            sequence.State = SequenceState.Preempted;
            return false;
        }

        sequence.State = SequenceState.SwappingIn;
        return true;
    }

    /// <summary>Settles the transfers that are complete; sequences that were ended meanwhile are freed here.</summary>
    public void Poll()
    {
        for (var i = _underWay.Count - 1; i >= 0; i--)
        {
            var swap = _underWay[i];
            try
            {
                if (!_device.IsCompleted(swap.Transfer))
                {
                    continue;
                }

                _underWay.RemoveAt(i);
            }
#pragma warning disable CA1031 // whatever breaks in a device must not end the loop
            catch (Exception exception)
#pragma warning restore CA1031
            {
                _underWay.RemoveAt(i);
                Break(swap, exception);
                continue;
            }

            Settle(swap.Sequence, swap.Direction);
        }
    }

    /// <summary>Gives back the host memory of a sequence that ends while it is swapped out.</summary>
    public void Discard(Sequence sequence)
    {
        ReleaseHost(sequence.Tables);
        sequence.Tables.Clear();
        sequence.Computed = 0;
    }

    public void Dispose() => _host?.Dispose();

    private bool TryStart(Sequence sequence, SwapDirection direction)
    {
        try
        {
            var moves = Moves(sequence.Tables);
            var transfer = direction == SwapDirection.Out
                ? _device.MoveToHost(_cache, _host!, moves)
                : _device.MoveFromHost(_cache, _host!, moves);
            _underWay.Add(new Swap(sequence, transfer, direction));
            return true;
        }
#pragma warning disable CA1031 // whatever breaks in a device must not end the loop
        catch (Exception exception)
#pragma warning restore CA1031
        {
            _failed.Enqueue(new FailedTransfer(sequence, exception));
            return false;
        }
    }

    /// <summary>A transfer that the device gave up: what it moved is lost. Its sequence stays where it is in line until it is ended.</summary>
    private void Break(in Swap swap, Exception exception)
    {
        var sequence = swap.Sequence;
        LeavingCount -= swap.Direction == SwapDirection.Out ? 1 : 0;
        Lose(sequence);
        if (sequence.State == SequenceState.Ended)
        {
            return;
        }

        sequence.State = swap.Direction == SwapDirection.Out ? SequenceState.Preempted : sequence.State;
        _failed.Enqueue(new FailedTransfer(sequence, exception));
    }

    private void Lose(Sequence sequence)
    {
        ReleaseHost(sequence.Tables);
        _blocks.Free(sequence);
    }

    private void Settle(Sequence sequence, SwapDirection direction)
    {
        if (direction == SwapDirection.Out)
        {
            LeavingCount--;
            _blocks.ReleaseBlocks(sequence);
            if (sequence.State == SequenceState.Ended)
            {
                Discard(sequence);
                return;
            }

            sequence.State = SequenceState.Swapped;
            return;
        }

        ReleaseHost(sequence.Tables);
        if (sequence.State == SequenceState.Ended)
        {
            _blocks.Free(sequence);
            return;
        }

        sequence.State = SequenceState.Running;
    }

    private void ReleaseHost(BlockTables tables)
    {
        for (var group = 0; group < _blocks.Shape.Groups.Count; group++)
        {
            foreach (var place in tables.HostBlocks(group)[tables.FirstHeld(group)..])
            {
                _free.Push(place);
            }
        }
    }

    private ReadOnlySpan<BlockMove> Moves(BlockTables tables)
    {
        var count = 0;
        for (var group = 0; group < _blocks.Shape.Groups.Count; group++)
        {
            var blocks = tables.Blocks(group);
            var places = tables.HostBlocks(group);
            for (var index = tables.FirstHeld(group); index < tables.Count; index++)
            {
                _moves[count++] = new BlockMove(blocks[index], places[index]);
            }
        }

        return _moves.AsSpan(0, count);
    }

    private enum SwapDirection
    {
        Out,
        In,
    }

    private readonly record struct Swap(Sequence Sequence, Transfer Transfer, SwapDirection Direction);
}

/// <summary>A sequence whose blocks the device failed to move; it holds none any more.</summary>
internal readonly record struct FailedTransfer(Sequence Sequence, Exception Exception);
