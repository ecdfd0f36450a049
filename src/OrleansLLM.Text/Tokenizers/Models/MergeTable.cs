using System.Numerics;

namespace OrleansLLM.Text.Tokenizers.Models;

/// <summary>
/// Which pairs of ids merge, in which order, into what. Filled once, then read from any thread; a pair added again takes
/// the later rank.
/// </summary>
internal sealed class MergeTable
{
    private const ulong Empty = ulong.MaxValue;

    private ulong[] _pairs = [];
    private (int Rank, int Merged)[] _values = [];
    private int _shift;
    private int _count;

    public MergeTable(int capacity) => Resize((int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(16, capacity * 2)));

    public void Add(int left, int right, int rank, int merged)
    {
        if (_count * 2 >= _pairs.Length)
        {
            Resize(_pairs.Length * 2);
        }

        Put(Pair(left, right), (rank, merged));
    }

    public bool TryFind(int left, int right, out int rank, out int merged)
    {
        var pair = Pair(left, right);
        var slot = Slot(pair);
        (rank, merged) = _values[slot];
        return _pairs[slot] == pair;
    }

    /// <summary>All pairs, the lowest rank first.</summary>
    public List<(int Left, int Right, int Rank)> ByRank()
    {
        var merges = new List<(int Left, int Right, int Rank)>(_count);
        for (var slot = 0; slot < _pairs.Length; slot++)
        {
            if (_pairs[slot] != Empty)
            {
                merges.Add(((int)(_pairs[slot] >> 32), (int)(uint)_pairs[slot], _values[slot].Rank));
            }
        }

        merges.Sort((first, second) => first.Rank.CompareTo(second.Rank));
        return merges;
    }

    private void Put(ulong pair, (int Rank, int Merged) value)
    {
        var slot = Slot(pair);
        _count += _pairs[slot] == Empty ? 1 : 0;
        _pairs[slot] = pair;
        _values[slot] = value;
    }

    private void Resize(int length)
    {
        var (pairs, values) = (_pairs, _values);
        _count = 0;
        _shift = 64 - BitOperations.Log2((uint)length);
        _pairs = new ulong[length];
        _values = new (int, int)[length];
        Array.Fill(_pairs, Empty);
        for (var slot = 0; slot < pairs.Length; slot++)
        {
            if (pairs[slot] != Empty)
            {
                Put(pairs[slot], values[slot]);
            }
        }
    }

    private static ulong Pair(int left, int right) => ((ulong)(uint)left << 32) | (uint)right;

    /// <summary>Where a pair stands or would stand: at most half of the slots are taken.</summary>
    private int Slot(ulong pair)
    {
        var slot = (int)((pair * 0x9E3779B97F4A7C15UL) >> _shift);
        while (_pairs[slot] != pair && _pairs[slot] != Empty)
        {
            slot = (slot + 1) & (_pairs.Length - 1);
        }

        return slot;
    }
}
