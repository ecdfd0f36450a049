using System.Buffers;
using OrleansLLM.Gateway.Requests;

namespace OrleansLLM.Gateway.Http;

/// <summary>
/// A body's bytes in one piece, counted as they arrive: what a client only announces costs nothing. Small ones stand in a pooled array, large
/// ones in pages of the system, because a pool would keep as many as ever were held at once.
/// </summary>
internal sealed class BodyBuffer(ByteReservation reservation) : IDisposable
{
    private const int FirstBytes = 16 << 10;
    private const int MostPooled = 256 << 10;

    private IMemoryOwner<byte>? _owner;
    private int _length;

    public ReadOnlyMemory<byte> Bytes => _owner is null ? default : _owner.Memory[.._length];

    /// <summary>False where the budget has no room for it.</summary>
    /// <param name="whole">Of the body, where it is known, else the most that it can be.</param>
    public bool TryAppend(in ReadOnlySequence<byte> piece, int whole)
    {
        var needed = _length + (int)piece.Length;
        if (!reservation.TryGrow(needed))
        {
            return false;
        }

        var room = _owner?.Memory.Length ?? 0;
        if (needed > room)
        {
            Move(Math.Max(needed, Math.Min(whole, Math.Max(FirstBytes, 2 * room))), whole);
        }

        piece.CopyTo(_owner is null ? default : _owner.Memory.Span[_length..]);
        _length = needed;
        return true;
    }

    /// <summary>Reserves what reading a body of this length costs, or <paramref name="beside"/> it where that is more.</summary>
    public bool TryReserveReading(long beside) => reservation.TryGrow(Math.Max((long)_length * Limits.BodyCost, _length + beside));

    public void Dispose()
    {
        _owner?.Dispose();
        _owner = null;
        _length = 0;
        reservation.Dispose();
    }

    private void Move(int size, int whole)
    {
        IMemoryOwner<byte> larger = size <= MostPooled ? MemoryPool<byte>.Shared.Rent(size) : new MappedBytes(whole);
        Bytes.CopyTo(larger.Memory);
        _owner?.Dispose();
        _owner = larger;
    }
}
