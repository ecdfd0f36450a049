using System.Text;

namespace OrleansLLM.Text.Tokenizers.Patterns;

/// <summary>
/// UTF-16 units of the private use area that stand for the characters above U+FFFF, for a pattern that names some of them or some of
/// <see cref="StandIns"/>' units. Characters that such a pattern can't tell apart, since the same ranges hold them and their category is
/// the same, share a unit.
/// </summary>
internal sealed class SupplementaryUnits
{
    private const int First = char.MaxValue + 1;
    private const int End = 0x110000;
    private const char FirstUnit = '\uF000';
    private const char LastUnit = '\uF7FF';

    /// <summary>Stands for a unit that a text itself has: to a pattern one private use character is like another.</summary>
    private const char OtherPrivateUse = '\uE000';

    private readonly int[] _borders;
    private readonly Dictionary<(int Interval, char Kind), char> _units = [];
    private readonly List<int> _examples = [];

    /// <param name="ranges">The ranges of code points that the pattern names.</param>
    /// <exception cref="TokenizerException">The pattern tells more characters apart than there are units.</exception>
    public SupplementaryUnits(IEnumerable<(int First, int Last)> ranges)
    {
        _borders = [.. ranges.SelectMany(range => new[] { range.First, range.Last + 1 }).Where(border => border < End)
            .Select(border => Math.Max(First, border)).Append(First).Distinct().Order()];
        for (var interval = 0; interval < _borders.Length; interval++)
        {
            Add(interval, _borders[interval], interval + 1 < _borders.Length ? _borders[interval + 1] : End);
        }

        if (_examples.Count > LastUnit - FirstUnit + 1)
        {
            throw new TokenizerException("a regular expression names too many characters above U+FFFF, which is not built");
        }
    }

    /// <summary>Whether a text has a unit that stands for something.</summary>
    public static bool AnyIn(ReadOnlySpan<char> text) => text.IndexOfAnyInRange(FirstUnit, LastUnit) >= 0;

    /// <summary>The unit that a pattern sees in a character's place.</summary>
    public char UnitOf(Rune rune)
    {
        if (rune.IsBmp)
        {
            return rune.Value is >= FirstUnit and <= LastUnit ? OtherPrivateUse : (char)rune.Value;
        }

        var found = Array.BinarySearch(_borders, rune.Value);
        return _units[(found >= 0 ? found : ~found - 1, StandIns.For(rune))];
    }

    /// <summary>One of the characters that a unit stands for, or the unit itself.</summary>
    public int ExampleOf(int unit) => unit - FirstUnit is >= 0 and var index && index < _examples.Count ? _examples[index] : unit;

    private void Add(int interval, int start, int end)
    {
        var last = '\0';
        for (var value = start; value < end; value++)
        {
            var kind = StandIns.For(new Rune(value));
            if (kind != last && _units.TryAdd((interval, kind), (char)(FirstUnit + _examples.Count)))
            {
                _examples.Add(value);
            }

            last = kind;
        }
    }
}
