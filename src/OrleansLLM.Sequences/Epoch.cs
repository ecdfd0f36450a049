namespace OrleansLLM.Sequences;

/// <summary>
/// Which try at a sequence something belongs to; what comes from an older one is dropped. No two are equal: whoever draws the next one counts
/// the attempts up and writes itself beside the count, so that two who go on from the same epoch, without knowing of each other, differ.
/// <code>
/// | attempts so far, 32 bits | who drew it, 32 bits |
/// </code>
/// </summary>
public readonly record struct Epoch(long Value) : IComparable<Epoch>
{
    /// <summary>Of a first attempt.</summary>
    public static Epoch First(int drawer) => default(Epoch).Next(drawer);

    /// <summary>Attempts up to this one: 1 for the first.</summary>
    public int Attempt => (int)(Value >> 32);

    /// <summary>Later than this one, whoever drew it.</summary>
    public Epoch Next(int drawer) => new(((long)(Attempt + 1) << 32) | (uint)drawer);

    public int CompareTo(Epoch other) => Value.CompareTo(other.Value);

    public static bool operator <(Epoch left, Epoch right) => left.Value < right.Value;

    public static bool operator >(Epoch left, Epoch right) => left.Value > right.Value;

    public static bool operator <=(Epoch left, Epoch right) => left.Value <= right.Value;

    public static bool operator >=(Epoch left, Epoch right) => left.Value >= right.Value;
}
