using System.Numerics;

namespace OrleansLLM.Engine;

/// <summary>
/// The distinct tokens of a sequence with their counts in the output: what repetition (prompt and output), presence and frequency
/// penalties (output) look at. Made only for a sequence that has such a penalty. An open-addressed hash of fixed size: adding allocates nothing.
/// </summary>
internal sealed class SeenTokens
{
    private readonly int[] _tokens;
    private readonly int[] _counts;

    /// <summary>Where token and count stand, counted from 1; at least half of them are 0, which ends every search.</summary>
    private readonly int[] _slots;
    private int _count;

    /// <param name="room">Distinct tokens at most.</param>
    public SeenTokens(int room)
    {
        _tokens = new int[room];
        _counts = new int[room];
        _slots = new int[BitOperations.RoundUpToPowerOf2(2 * (uint)room)];
    }

    public static bool AreWantedBy(SamplingParameters sampling) =>
        sampling is not { RepetitionPenalty: 1, PresencePenalty: 0, FrequencyPenalty: 0 };

    /// <summary>In the order of their first place in prompt and output.</summary>
    public ReadOnlySpan<int> Tokens => _tokens.AsSpan(0, _count);

    public ReadOnlySpan<int> Counts => _counts.AsSpan(0, _count);

    public void Add(ReadOnlySpan<int> prompt, ReadOnlySpan<int> output)
    {
        foreach (var token in prompt)
        {
            Add(token, 0);
        }

        foreach (var token in output)
        {
            Add(token, 1);
        }
    }

    public void Add(SeenTokens others)
    {
        for (var i = 0; i < others._count; i++)
        {
            Add(others._tokens[i], others._counts[i]);
        }
    }

    /// <param name="times">How often the output holds it more.</param>
    public void Add(int token, int times)
    {
        var slot = (int)(BitOperations.RotateLeft((uint)token * 0x9E3779B1, 16) & (_slots.Length - 1));
        while (_slots[slot] > 0)
        {
            var index = _slots[slot] - 1;
            if (_tokens[index] == token)
            {
                _counts[index] += times;
                return;
            }

            slot = (slot + 1) & (_slots.Length - 1);
        }

        _tokens[_count] = token;
        _counts[_count] = times;
        _slots[slot] = ++_count;
    }
}
