using System.Buffers;
using OrleansLLM.Gateway.Requests;

namespace OrleansLLM.Gateway.Http;

/// <summary>A body's bytes in one pooled array, which grows as they arrive: what a client only announces costs nothing.</summary>
internal sealed class BodyBuffer(ByteReservation reservation) : IDisposable
{
    /// <summary>Most bodies fit.</summary>
    private const int FirstBytes = 16 << 10;

    private byte[] _bytes = [];
    private int _length;

    public ReadOnlyMemory<byte> Bytes => _bytes.AsMemory(0, _length);

    /// <summary>False where the budget has no room for it.</summary>
    /// <param name="whole">Of the body, where it is known, else the most that it can be.</param>
    public bool TryAppend(in ReadOnlySequence<byte> piece, int whole)
    {
        var needed = _length + (int)piece.Length;
        if (needed > _bytes.Length && !TryGrow(Math.Max(needed, Math.Min(whole, Math.Max(FirstBytes, 2 * _bytes.Length)))))
        {
            return false;
        }

        piece.CopyTo(_bytes.AsSpan(_length));
        _length = needed;
        return true;
    }

    /// <summary>Reserves what reading a body of this length costs in all.</summary>
    public bool TryReserveReading() => reservation.TryGrow(Math.Max(_bytes.Length, (long)_length * Limits.BodyCost));

    public void Dispose()
    {
        Return();
        reservation.Dispose();
    }

    private bool TryGrow(int size)
    {
        if (!reservation.TryGrow(size))
        {
            return false;
        }

        var larger = ArrayPool<byte>.Shared.Rent(size);
        Bytes.CopyTo(larger);
        Return();
        _bytes = larger;
        return true;
    }

    private void Return()
    {
        if (_bytes.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(_bytes);
            _bytes = [];
        }
    }
}
