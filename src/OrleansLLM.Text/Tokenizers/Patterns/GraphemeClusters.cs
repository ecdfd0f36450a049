namespace OrleansLLM.Text.Tokenizers.Patterns;

/// <summary>
/// Oniguruma's \X, \y and \Y: extended grapheme clusters (Unicode 16's UAX 29, rules GB3 to GB13 without GB9c), written with look-behind of
/// any length, which .NET has.
/// </summary>
/// <param name="write">Writes a set of characters.</param>
internal sealed class GraphemeClusters(Func<CodePointSet, string> write)
{
    private const int ZeroWidthJoiner = 0x200D;
    private const int FirstSyllable = 0xAC00;
    private const int LastSyllable = 0xD7A3;
    private const int SyllablesWithoutFinal = 28;

    private static readonly CodePointSet WithoutFinal = CodePointSet.Where(
        rune => rune.Value is >= FirstSyllable and <= LastSyllable && (rune.Value - FirstSyllable) % SyllablesWithoutFinal == 0);

    private static readonly CodePointSet WithFinal = CodePointSet.Of(FirstSyllable, LastSyllable).Without(WithoutFinal);

    /// <summary>One cluster: a character, and what no border divides from it.</summary>
    public string Cluster => $"(?>{write(CodePointSet.All)}(?:{Inside}{write(CodePointSet.All)})*)";

    /// <summary>A border: at both ends of the text, too.</summary>
    public string Border => $@"(?:\A|\z|(?!{Inside}))";

    /// <summary>No border.</summary>
    public string NoBorder => $@"(?:(?!\A)(?!\z){Inside})";

    private string Inside => $@"(?:(?<=\r)(?=\n)|(?<!{Controls})(?!{Controls})(?:{Syllables}|{Extensions}|{Pictures}|{Flags}))";

    private string Controls => write(Listed("control").Or(CodePointSet.Of([('\r', '\r'), ('\n', '\n')])));

    /// <summary>GB6 to GB8.</summary>
    private string Syllables
    {
        get
        {
            var (leading, vowel, trailing) = (Listed("l"), Listed("v"), Listed("t"));
            return $"(?<={write(leading)})(?={write(leading.Or(vowel).Or(WithoutFinal).Or(WithFinal))})"
                + $"|(?<={write(vowel.Or(WithoutFinal))})(?={write(vowel.Or(trailing))})"
                + $"|(?<={write(trailing.Or(WithFinal))})(?={write(trailing)})";
        }
    }

    /// <summary>GB9 to GB9b.</summary>
    private string Extensions =>
        $"(?={write(Listed("extend").Or(Listed("spacingmark")).Or(CodePointSet.Of(ZeroWidthJoiner, ZeroWidthJoiner)))})|(?<={write(Listed("prepend"))})";

    /// <summary>GB11.</summary>
    private string Pictures
    {
        get
        {
            var picture = write(CharacterProperties.Listed("extendedpictographic"));
            return $@"(?<={picture}{write(Listed("extend"))}*\u200D)(?={picture})";
        }
    }

    /// <summary>GB12 and GB13.</summary>
    private string Flags
    {
        get
        {
            var indicator = write(CharacterProperties.Listed("regionalindicator"));
            return $"(?<=(?<!{indicator})(?:{indicator}{indicator})*{indicator})(?={indicator})";
        }
    }

    private static CodePointSet Listed(string kind) => CharacterProperties.Listed("gcb=" + kind);
}
