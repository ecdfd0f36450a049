using System.Text;

namespace OrleansLLM.Text.Tokenizers.Patterns;

/// <summary>
/// How a pattern for .NET's engine, which sees UTF-16 units, says something about whole characters: how a set of them is written, and which
/// units of a text it is run over.
/// </summary>
internal abstract class CharacterForm
{
    /// <summary>What a pattern says of characters, written.</summary>
    public abstract string Write(RegexClass characters, bool ignoreCase);

    /// <summary>One character as a literal, or null where it must be written as a set.</summary>
    public virtual char? LiteralOf(int codePoint) => codePoint <= char.MaxValue ? (char)codePoint : null;

    /// <summary>The dot, where it matches newlines and where it does not.</summary>
    public virtual string Dot(bool matchesNewline) => ".";

    /// <summary>The whole pattern, made ready to be run.</summary>
    public virtual string Finish(string pattern) => pattern;

    /// <summary>Whether units of a text have to be exchanged for others before the pattern is run.</summary>
    public abstract bool Exchanges(ReadOnlySpan<char> text);

    /// <summary>How many units the pattern sees in a character's place at most.</summary>
    public virtual int MaxUnits => 1;

    /// <summary>The one unit that the pattern sees in a character's place.</summary>
    public abstract char UnitOf(Rune rune);

    /// <summary>Writes all units that the pattern sees in a character's place; returns their count.</summary>
    public virtual int WriteUnits(Rune rune, Span<char> units)
    {
        units[0] = UnitOf(rune);
        return 1;
    }
}

/// <summary>Of a character above U+FFFF only the general category is seen: enough where a pattern names no others.</summary>
internal sealed class CategoryForm : CharacterForm
{
    /// <summary>Whether something was written that needs more than categories, so that what was written is worth nothing.</summary>
    public bool IsTooCoarse { get; private set; }

    public override string Write(RegexClass characters, bool ignoreCase)
    {
        var plain = characters.ToNet(ignoreCase);
        IsTooCoarse |= plain is null;
        return plain ?? "(?!)";
    }

    public override char? LiteralOf(int codePoint)
    {
        IsTooCoarse |= codePoint > char.MaxValue || StandIns.AnyIn(codePoint, codePoint);
        return (char)codePoint;
    }

    public override bool Exchanges(ReadOnlySpan<char> text) => text.IndexOfAnyInRange('\uD800', '\uDFFF') >= 0;

    public override char UnitOf(Rune rune) => rune.IsBmp ? (char)rune.Value : StandIns.For(rune);
}

/// <summary>Takes note of the sets that a pattern asks for.</summary>
internal sealed class SurveyForm : CharacterForm
{
    private const int MaxSets = 2000;

    private readonly List<CodePointSet> _sets = [];

    public IReadOnlyList<CodePointSet> Sets => _sets;

    public override string Write(RegexClass characters, bool ignoreCase)
    {
        _sets.Add(characters.ToSet(ignoreCase));
        return _sets.Count <= MaxSets ? "(?!)" : throw new TokenizerException($"a regular expression with more than {MaxSets} classes is not built");
    }

    public override char? LiteralOf(int codePoint) => UnitForm.StandsForOthers(codePoint) ? null : (char)codePoint;

    public override bool Exchanges(ReadOnlySpan<char> text) => throw new NotSupportedException();

    public override char UnitOf(Rune rune) => throw new NotSupportedException();
}

/// <summary>Characters above U+FFFF are written as the two units that they are: exact also where a pattern compares what it found.</summary>
internal sealed class PairForm : CharacterForm
{
    private const int FirstPair = 0x10000;
    private const int Lows = 0x400;

    public override string Write(RegexClass characters, bool ignoreCase)
    {
        var set = characters.ToSet(ignoreCase);
        var text = new StringBuilder(ignoreCase ? "(?-i:" : "(?:");
        text.Append(NetText.Class(set.And(CodePointSet.Of(0, char.MaxValue)).Without(CodePointSet.Of(0xD800, 0xDFFF)).Ranges));
        AppendPairs(text, set);
        return text.Append(')').ToString();
    }

    public override string Dot(bool matchesNewline) => Write(
        RegexClass.Of(matchesNewline ? CharacterProperties.Any : CharacterProperties.NoNewline, negated: false), ignoreCase: false);

    /// <summary>Adds an alternative for each range of a set above U+FFFF.</summary>
    public static void AppendPairs(StringBuilder text, CodePointSet set)
    {
        foreach (var (first, last) in set.And(CodePointSet.Of(FirstPair, 0x10FFFF)).Ranges)
        {
            Append(text, first - FirstPair, last - FirstPair);
        }
    }

    /// <summary>No match begins between the two units of a character.</summary>
    public override string Finish(string pattern) => $@"(?![\uDC00-\uDFFF])(?:{pattern})";

    public override bool Exchanges(ReadOnlySpan<char> text) => false;

    public override char UnitOf(Rune rune) => throw new NotSupportedException();

    /// <summary>Adds a range as up to three alternatives: the rest of its first high surrogate, whole ones, the beginning of its last.</summary>
    private static void Append(StringBuilder text, int first, int last)
    {
        while (first <= last)
        {
            var isWhole = first % Lows == 0 && last - first >= Lows - 1;
            var end = isWhole ? ((last + 1) / Lows * Lows) - 1 : Math.Min(last, (first / Lows * Lows) + Lows - 1);
            text.Append('|').Append(NetText.Class([(0xD800 + (first / Lows), 0xD800 + (end / Lows))]))
                .Append(NetText.Class([(0xDC00 + (first % Lows), 0xDC00 + (end % Lows))]));
            first = end + 1;
        }
    }
}
