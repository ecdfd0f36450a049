namespace OrleansLLM.Gateway.Http;

/// <summary>
/// Bytes that requests of one kind may hold together. A quarter is left to those that hold little, so that a few large ones shut nobody
/// out. Thread-safe.
/// </summary>
internal sealed class ByteBudget(long most)
{
    /// <summary>A reservation of up to this share of all counts as little.</summary>
    private const int LittleShare = 256;

    private long _held;

    /// <summary>What one reservation may hold.</summary>
    public long Largest => most - (most / 4);

    public long Held => Volatile.Read(ref _held);

    public ByteReservation Open() => new(this);

    /// <summary>False, and nothing is changed, where there is no room for <paramref name="more"/> bytes of one that has <paramref name="whole"/> then.</summary>
    public bool TryAdd(long more, long whole)
    {
        var limit = whole <= most / LittleShare ? most : Largest;
        var held = Volatile.Read(ref _held);
        while (held + more <= limit)
        {
            var seen = Interlocked.CompareExchange(ref _held, held + more, held);
            if (seen == held)
            {
                return true;
            }

            held = seen;
        }

        return false;
    }

    public void Free(long bytes) => Interlocked.Add(ref _held, -bytes);
}

/// <summary>What one request holds of a <see cref="ByteBudget"/>: it grows, and is given back as a whole.</summary>
internal sealed class ByteReservation(ByteBudget budget) : IDisposable
{
    private long _bytes;

    /// <summary>Makes it at least <paramref name="bytes"/> in all; false where there is no room. For one thread.</summary>
    public bool TryGrow(long bytes) => bytes <= _bytes || TryAdd(bytes - _bytes);

    /// <summary>False, and nothing is changed, where there is no room. Thread-safe.</summary>
    public bool TryAdd(long bytes)
    {
        var whole = Interlocked.Add(ref _bytes, bytes);
        if (budget.TryAdd(bytes, whole))
        {
            return true;
        }

        Interlocked.Add(ref _bytes, -bytes);
        return false;
    }

    /// <summary>Gives a part back. Thread-safe, but not beside the disposal.</summary>
    public void Shrink(long bytes)
    {
        Interlocked.Add(ref _bytes, -bytes);
        budget.Free(bytes);
    }

    public void Dispose() => budget.Free(Interlocked.Exchange(ref _bytes, 0));
}
