using System.Globalization;
using System.Text;
using OrleansLLM.Templates.Values;

namespace OrleansLLM.Templates.Library;

/// <summary>
/// Upper, lower and title case with the mappings to several characters (Unicode's SpecialCasing.txt), as Python applies them; .NET maps
/// a character to a character.
/// </summary>
internal static class Casing
{
    // Each entry: the character, then what it becomes. Where the title case is not listed, it is the upper case.
    private const string UpperTable =
        "\u00DFSS \u0149\u02BCN \u01F0J\u030C \u0390\u0399\u0308\u0301 \u03B0\u03A5\u0308\u0301 \u0587\u0535\u0552 "
        + "\u1E96H\u0331 \u1E97T\u0308 \u1E98W\u030A \u1E99Y\u030A \u1E9AA\u02BE \u1F50\u03A5\u0313 "
        + "\u1F52\u03A5\u0313\u0300 \u1F54\u03A5\u0313\u0301 \u1F56\u03A5\u0313\u0342 \u1FB2\u1FBA\u0399 "
        + "\u1FB3\u0391\u0399 \u1FB4\u0386\u0399 \u1FB6\u0391\u0342 \u1FB7\u0391\u0342\u0399 \u1FBC\u0391\u0399 "
        + "\u1FC2\u1FCA\u0399 \u1FC3\u0397\u0399 \u1FC4\u0389\u0399 \u1FC6\u0397\u0342 \u1FC7\u0397\u0342\u0399 "
        + "\u1FCC\u0397\u0399 \u1FD2\u0399\u0308\u0300 \u1FD3\u0399\u0308\u0301 \u1FD6\u0399\u0342 "
        + "\u1FD7\u0399\u0308\u0342 \u1FE2\u03A5\u0308\u0300 \u1FE3\u03A5\u0308\u0301 \u1FE4\u03A1\u0313 "
        + "\u1FE6\u03A5\u0342 \u1FE7\u03A5\u0308\u0342 \u1FF2\u1FFA\u0399 \u1FF3\u03A9\u0399 \u1FF4\u038F\u0399 "
        + "\u1FF6\u03A9\u0342 \u1FF7\u03A9\u0342\u0399 \u1FFC\u03A9\u0399 \uFB00FF \uFB01FI \uFB02FL \uFB03FFI \uFB04FFL "
        + "\uFB05ST \uFB06ST \uFB13\u0544\u0546 \uFB14\u0544\u0535 \uFB15\u0544\u053B \uFB16\u054E\u0546 "
        + "\uFB17\u0544\u053D";

    private const string TitleTable = "ǄǅǅǅǆǅǇǈǈǈǉǈǊǋǋǋǌǋǱǲǲǲǳǲ";

    private static readonly Dictionary<string, string> Upper = ReadUpper();
    private static readonly Dictionary<string, string> Title = ReadTitle();

    private static readonly (int First, int Last)[] OtherLowercase =
    [
        (170, 170), (186, 186), (688, 696), (704, 705), (736, 740), (837, 837), (890, 890), (7468, 7530), (7544, 7544), (7579, 7615),
        (8305, 8305), (8319, 8319), (8336, 8348), (8560, 8575), (9424, 9449), (11388, 11389), (42652, 42653), (42864, 42864),
        (43000, 43001), (43868, 43871), (67456, 67456), (67459, 67461), (67463, 67504), (67506, 67514),
    ];

    private static readonly (int First, int Last)[] OtherUppercase =
        [(8544, 8559), (9398, 9423), (127280, 127305), (127312, 127337), (127344, 127369)];

    public static TextValue ToUpper(TextValue text) => Ascii.IsValid(text.Text)
        ? text.WithUnits(text.Text.ToUpperInvariant())
        : Map(text, (character, _) => UpperOf(character));

    public static TextValue ToLower(TextValue text) => Ascii.IsValid(text.Text)
        ? text.WithUnits(text.Text.ToLowerInvariant())
        : Map(text, (character, at) => LowerOf(character, text.Text, at));

    public static TextValue Swap(TextValue text) => Map(text, (character, at) =>
        IsUpper(character, 0) ? LowerOf(character, text.Text, at) : IsLower(character, 0) ? UpperOf(character) : character);

    public static TextValue Capitalize(TextValue text) => Map(text, (character, at) =>
        at == 0 ? TitleOf(character) : LowerOf(character, text.Text, at));

    /// <summary>str.title: a letter behind a letter is lower, any other title case.</summary>
    public static TextValue ToTitle(TextValue text)
    {
        var behindCased = false;
        return Map(text, (character, at) =>
        {
            var mapped = behindCased ? LowerOf(character, text.Text, at) : TitleOf(character);
            behindCased = IsCased(character, 0);
            return mapped;
        });
    }

    public static bool IsLower(string text, int at) =>
        CodePoints.Category(text, at) == UnicodeCategory.LowercaseLetter || InRanges(OtherLowercase, text, at);

    public static bool IsUpper(string text, int at) =>
        CodePoints.Category(text, at) == UnicodeCategory.UppercaseLetter || InRanges(OtherUppercase, text, at);

    public static bool IsTitle(string text, int at) => CodePoints.Category(text, at) == UnicodeCategory.TitlecaseLetter;

    public static bool IsCased(string text, int at) => IsLower(text, at) || IsUpper(text, at) || IsTitle(text, at);

    private static TextValue Map(TextValue text, Func<string, int, string> map)
    {
        Rendering.Current?.Charge(text.Text.Length);
        var mapped = new TextBuilder();
        for (var at = 0; at < text.Text.Length;)
        {
            var width = CodePoints.WidthAt(text.Text, at);
            mapped.Append(map(text.Text.Substring(at, width), at), text, at);
            at += width;
        }

        return mapped.ToValue(text.Kind);
    }

    private static string UpperOf(string character) =>
        Upper.GetValueOrDefault(character) ?? Simple(character, Rune.ToUpperInvariant);

    private static string TitleOf(string character)
    {
        if (Title.TryGetValue(character, out var title))
        {
            return title;
        }

        // Georgian has capitals that titles do not use.
        if (character[0] is >= '\u10D0' and <= '\u10FF')
        {
            return character;
        }

        if (!Upper.TryGetValue(character, out var upper))
        {
            return Simple(character, Rune.ToUpperInvariant);
        }

        // Greek letters with iota below: the title case is one character, the upper case two.
        var simple = Simple(character, Rune.ToUpperInvariant);
        if (character[0] is >= '\u1F80' and <= '\u1FFC' && (IsTitle(simple, 0) || IsTitle(character, 0)))
        {
            return simple;
        }

        return upper[0] + character[0] switch
        {
            >= '\u1F80' and <= '\u1FFC' => upper[1..].Replace('\u0399', '\u0345'),
            '\u0587' or >= '\uFB00' => LowerTail(upper),
            _ => upper[1..],
        };
    }

    private static string LowerTail(string upper) => string.Concat(upper[1..].Select(character => char.ToLowerInvariant(character)));

    private static string LowerOf(string character, string text, int at) => character switch
    {
        "İ" => "i̇",
        "Σ" => IsFinalSigma(text, at) ? "ς" : "σ",
        _ => Simple(character, Rune.ToLowerInvariant),
    };

    private static string Simple(string character, Func<Rune, Rune> map)
    {
        if (character is [>= 'A' and <= 'Z' or >= 'a' and <= 'z'])
        {
            return map(new Rune(character[0])).ToString();
        }

        return Rune.TryGetRuneAt(character, 0, out var rune) ? map(rune).ToString() : character;
    }

    /// <summary>A sigma behind a cased letter and before none, characters without case of their own left out.</summary>
    private static bool IsFinalSigma(string text, int at)
    {
        var before = at - 1;
        while (before >= 0 && (char.IsLowSurrogate(text[before]) || IsCaseIgnorable(text, before)))
        {
            before--;
        }

        var after = at + 1;
        while (after < text.Length && IsCaseIgnorable(text, after))
        {
            after += CodePoints.WidthAt(text, after);
        }

        return before >= 0 && IsCased(text, before) && !(after < text.Length && IsCased(text, after));
    }

    private static bool IsCaseIgnorable(string text, int at) => text[at] is '\'' or '.' or ':' or '·' or '’' or '‘' or '․' or '‧'
        || CodePoints.Category(text, at) is UnicodeCategory.NonSpacingMark or UnicodeCategory.EnclosingMark or UnicodeCategory.Format
            or UnicodeCategory.ModifierLetter or UnicodeCategory.ModifierSymbol;

    private static bool InRanges((int First, int Last)[] ranges, string text, int at)
    {
        var value = CodePoints.RuneAt(text, at).Value;
        return value >= ranges[0].First && Array.Exists(ranges, range => value >= range.First && value <= range.Last);
    }

    private static Dictionary<string, string> ReadUpper()
    {
        var table = UpperTable.Split(' ').ToDictionary(entry => entry[..1], entry => entry[1..]);
        foreach (var (first, capital) in new[] { (0x1F80, 0x1F08), (0x1F90, 0x1F28), (0x1FA0, 0x1F68) })
        {
            for (var index = 0; index < 16; index++)
            {
                table[((char)(first + index)).ToString()] = $"{(char)(capital + (index % 8))}\u0399";
            }
        }

        return table;
    }

    private static Dictionary<string, string> ReadTitle()
    {
        var table = new Dictionary<string, string> { ["\u00DF"] = "Ss" };
        for (var at = 0; at < TitleTable.Length; at += 2)
        {
            table[TitleTable[at].ToString()] = TitleTable[at + 1].ToString();
        }

        return table;
    }
}
