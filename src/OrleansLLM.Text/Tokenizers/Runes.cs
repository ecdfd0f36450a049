using System.Globalization;
using System.Text;

namespace OrleansLLM.Text.Tokenizers;

/// <summary>Unicode's properties as tokenizer files mean them.</summary>
internal static class Runes
{
    private const string Replacement = "\uFFFD";

    /// <summary>How many UTF-16 units the character at a position takes.</summary>
    public static int LengthAt(ReadOnlySpan<char> text, int position) =>
        char.IsHighSurrogate(text[position]) && position + 1 < text.Length && char.IsLowSurrogate(text[position + 1]) ? 2 : 1;

    /// <summary>The character at a position, U+FFFD for half a surrogate pair.</summary>
    public static Rune At(ReadOnlySpan<char> text, int position)
    {
        Rune.DecodeFromUtf16(text[position..], out var rune, out _);
        return rune;
    }

    /// <summary>The text with each half surrogate pair replaced by U+FFFD, which keeps its length.</summary>
    public static string WellFormed(string text)
    {
        if (text.AsSpan().IndexOfAnyInRange('\uD800', '\uDFFF') < 0)
        {
            return text;
        }

        StringBuilder? repaired = null;
        for (var i = 0; i < text.Length; i += LengthAt(text, i))
        {
            if (char.IsSurrogate(text[i]) && LengthAt(text, i) == 1)
            {
                repaired ??= new StringBuilder(text);
                repaired[i] = Replacement[0];
            }
        }

        return repaired?.ToString() ?? text;
    }

    public static bool IsWhiteSpace(Rune rune) => Rune.IsWhiteSpace(rune);

    /// <summary>A regular expression's \w: letters, marks, decimal and letter numbers, connectors, joiners and circled letters.</summary>
    public static bool IsWord(Rune rune) => Rune.GetUnicodeCategory(rune) switch
    {
        UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter
            or UnicodeCategory.ModifierLetter or UnicodeCategory.OtherLetter or UnicodeCategory.NonSpacingMark
            or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark or UnicodeCategory.DecimalDigitNumber
            or UnicodeCategory.LetterNumber or UnicodeCategory.ConnectorPunctuation => true,
        UnicodeCategory.Format => rune.Value is 0x200C or 0x200D,
        UnicodeCategory.OtherSymbol => IsCircledLetter(rune.Value),
        _ => false,
    };

    /// <summary>Symbols that have Unicode's Alphabetic property.</summary>
    public static bool IsCircledLetter(int value) => value is (>= 0x24B6 and <= 0x24E9) or (>= 0x1F130 and <= 0x1F149)
        or (>= 0x1F150 and <= 0x1F169) or (>= 0x1F170 and <= 0x1F189);

    /// <summary>Of category N in Unicode 17, which is newer than .NET 10's.</summary>
    public static bool IsNumber(Rune rune) =>
        Rune.IsNumber(rune) || rune.Value is (>= 0x11DE0 and <= 0x11DE9) or (>= 0x16FF4 and <= 0x16FF6);

    /// <summary>ASCII's punctuation and symbols, and Unicode's punctuation.</summary>
    public static bool IsPunctuation(Rune rune) => rune.IsAscii
        ? rune.Value is (>= '!' and <= '/') or (>= ':' and <= '@') or (>= '[' and <= '`') or (>= '{' and <= '~')
        : OlderUnicode.IsPunctuation(rune);

    public static bool IsMark(Rune rune) => Rune.GetUnicodeCategory(rune)
        is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark;
}
