using System.Text;

namespace OrleansLLM.Text.Tokenizers.Patterns;

/// <summary>
/// One unit of the private use area stands for all those characters above U+FFFF, and of that area, that a pattern can't tell apart: the
/// same of its sets hold them.
/// </summary>
internal sealed class UnitForm : CharacterForm
{
    private const char FirstUnit = '\uE000';
    private const char LastUnit = '\uF8FF';
    private const int FirstPair = 0x10000;

    private static readonly CodePointSet StoodFor = CodePointSet.Of([(FirstUnit, LastUnit), (FirstPair, 0x10FFFF)]);

    /// <summary>Where, from the first unit on, an interval begins whose characters are in the same sets.</summary>
    private readonly int[] _starts;

    /// <summary>Each interval's unit.</summary>
    private readonly char[] _units;

    /// <param name="sets">All that the pattern asks for.</param>
    /// <exception cref="TokenizerException">The pattern tells more characters apart than there are units.</exception>
    public UnitForm(IReadOnlyList<CodePointSet> sets)
    {
        _starts = [.. sets.SelectMany(set => set.Borders).Where(StandsForOthers).Append(FirstUnit).Append(FirstPair).Distinct().Order()];
        var kinds = new int[_starts.Length];
        foreach (var set in sets)
        {
            Refine(kinds, set);
        }

        var units = kinds.Distinct().Select((kind, index) => (kind, index)).ToDictionary(pair => pair.kind, pair => pair.index);
        if (units.Count > LastUnit - FirstUnit + 1)
        {
            throw new TokenizerException("a regular expression tells too many characters above U+FFFF apart, which is not built");
        }

        _units = [.. kinds.Select(kind => (char)(FirstUnit + units[kind]))];
    }

    public static bool StandsForOthers(int codePoint) => codePoint is >= FirstUnit and <= LastUnit or >= FirstPair;

    public override string Write(RegexClass characters, bool ignoreCase)
    {
        var set = characters.ToSet(ignoreCase);
        var units = _starts.Index().Where(start => set.Contains(start.Item)).Select(start => ((int)_units[start.Index], (int)_units[start.Index]));
        var text = NetText.Class(set.Without(StoodFor).Or(CodePointSet.Of(units)).Ranges);
        return ignoreCase ? $"(?-i:{text})" : text;
    }

    public override char? LiteralOf(int codePoint) => StandsForOthers(codePoint) ? null : (char)codePoint;

    public override bool Exchanges(ReadOnlySpan<char> text) =>
        text.IndexOfAnyInRange('\uD800', '\uDFFF') >= 0 || text.IndexOfAnyInRange(FirstUnit, LastUnit) >= 0;

    public override char UnitOf(Rune rune)
    {
        if (!StandsForOthers(rune.Value))
        {
            return (char)rune.Value;
        }

        var found = Array.BinarySearch(_starts, rune.Value);
        return _units[found >= 0 ? found : ~found - 1];
    }

    /// <summary>Gives intervals of one kind different ones where a set holds only some of them.</summary>
    private void Refine(int[] kinds, CodePointSet set)
    {
        var refined = new Dictionary<(int Kind, bool IsIn), int>();
        for (var i = 0; i < kinds.Length; i++)
        {
            var key = (kinds[i], set.Contains(_starts[i]));
            kinds[i] = refined.TryGetValue(key, out var kind) ? kind : refined[key] = refined.Count;
        }
    }
}
