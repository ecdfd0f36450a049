using System.Globalization;
using System.Text;

namespace OrleansLLM.Templates.Values;

/// <summary>Strings as Python has them, sequences of code points, over UTF-16; and the classes of characters that Python's methods ask for.</summary>
internal static class CodePoints
{
    public static int WidthAt(string text, int at) =>
        char.IsHighSurrogate(text[at]) && at + 1 < text.Length && char.IsLowSurrogate(text[at + 1]) ? 2 : 1;

    public static int Count(ReadOnlySpan<char> text)
    {
        var count = text.Length;
        for (var at = 0; at + 1 < text.Length; at++)
        {
            if (char.IsHighSurrogate(text[at]) && char.IsLowSurrogate(text[at + 1]))
            {
                count--;
                at++;
            }
        }

        return count;
    }

    /// <summary>UTF-16 offset of the code point with this index; the length of the text for one past the end.</summary>
    public static int Offset(TextValue value, int index)
    {
        if (value.CodePointCount == value.Text.Length)
        {
            return index;
        }

        Rendering.Current?.ChargeText(index);
        var at = 0;
        for (var seen = 0; seen < index; seen++)
        {
            at += WidthAt(value.Text, at);
        }

        return at;
    }

    /// <summary>The offset of each code point and, last, the length of the text.</summary>
    public static int[] Offsets(TextValue value)
    {
        var offsets = new int[value.CodePointCount + 1];
        for (var index = 0; index + 1 < offsets.Length; index++)
        {
            offsets[index + 1] = offsets[index] + WidthAt(value.Text, offsets[index]);
        }

        return offsets;
    }

    /// <summary>str.isspace: Unicode white space and U+001C..U+001F.</summary>
    public static bool IsSpace(char character) => character is >= '\u001C' and <= '\u001F' || char.IsWhiteSpace(character);

    /// <summary>What str.splitlines splits at.</summary>
    public static bool IsLineBreak(char character) =>
        character is '\n' or '\r' or '\v' or '\f' or '\u001C' or '\u001D' or '\u001E' or '\u0085' or '\u2028' or '\u2029';

    public static bool IsPrintable(string text, int at) => text[at] == ' ' || Category(text, at) is not (
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse
        or UnicodeCategory.OtherNotAssigned or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator
        or UnicodeCategory.SpaceSeparator);

    public static bool IsAlpha(string text, int at) => Category(text, at) is UnicodeCategory.UppercaseLetter
        or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter or UnicodeCategory.ModifierLetter or UnicodeCategory.OtherLetter;

    public static bool IsDecimal(string text, int at) => Category(text, at) == UnicodeCategory.DecimalDigitNumber;

    public static bool IsDigit(string text, int at) => CharUnicodeInfo.GetDigitValue(text, at) >= 0;

    public static bool IsNumeric(string text, int at) => CharUnicodeInfo.GetNumericValue(text, at) != -1;

    public static bool IsAlphanumeric(string text, int at) => IsAlpha(text, at) || IsDecimal(text, at) || IsDigit(text, at) || IsNumeric(text, at);

    public static bool IsIdentifier(string text)
    {
        for (var at = 0; at < text.Length; at += WidthAt(text, at))
        {
            var start = text[at] == '_' || IsAlpha(text, at) || Category(text, at) == UnicodeCategory.LetterNumber;
            var goesOn = IsDecimal(text, at) || Category(text, at) is UnicodeCategory.NonSpacingMark
                or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.ConnectorPunctuation;
            if (!start && (at == 0 || !goesOn))
            {
                return false;
            }
        }

        return text.Length > 0;
    }

    public static UnicodeCategory Category(string text, int at) => CharUnicodeInfo.GetUnicodeCategory(text, at);

    /// <summary>The code point at an offset; U+FFFD for half of a pair.</summary>
    public static Rune RuneAt(string text, int at) => Rune.TryGetRuneAt(text, at, out var rune) ? rune : Rune.ReplacementChar;
}
