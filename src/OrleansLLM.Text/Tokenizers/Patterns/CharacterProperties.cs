using System.Collections.Concurrent;
using System.Text;

namespace OrleansLLM.Text.Tokenizers.Patterns;

/// <summary>What a pattern names with \p{...}, [:...:] or an escape such as \w.</summary>
/// <param name="Net">As .NET writes it inside a class, where the general category alone decides who belongs to it; else null.</param>
/// <param name="Set">Who belongs to it.</param>
internal sealed record CharacterProperty(string? Net, Func<CodePointSet> Set);

/// <summary>
/// Properties of characters as Oniguruma 6.9.10 has them: general categories, the POSIX classes, which follow from them and three lists of
/// other characters, and the table UnicodeProperties.txt, which says where it comes from.
/// </summary>
internal static class CharacterProperties
{
    private const string WordCategories = @"\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\u24B6-\u24E9";

    private static readonly Lazy<PropertyTable> Table = new(() => PropertyTable.Read("OrleansLLM.Text.UnicodeProperties.txt"));

    private static readonly ConcurrentDictionary<string, CodePointSet> Sets = new(StringComparer.Ordinal);

    private static readonly CodePointSet LatinNumbers = CodePointSet.Of([(0xB2, 0xB3), (0xB9, 0xB9), (0xBC, 0xBE)]);

    /// <summary>By name in lower case. Where a POSIX class is a general category, it is in <see cref="GeneralCategories"/>.</summary>
    private static readonly Dictionary<string, Func<CodePointSet>> Derived = new(StringComparer.Ordinal)
    {
        ["alpha"] = Alphabetic, ["alphabetic"] = Alphabetic,
        ["alnum"] = () => Alphabetic().Or(Category("Nd")),
        ["ascii"] = () => CodePointSet.Of(0, 0x7F),
        ["any"] = () => CodePointSet.All,
        ["assigned"] = () => Category("Cn").Not(),
        ["blank"] = () => Category("Zs").Or(CodePointSet.Of('\t', '\t')),
        ["casedletter"] = CasedLetter, ["lc"] = CasedLetter,
        ["graph"] = Graph,
        ["graphemebase"] = GraphemeBase, ["grbase"] = GraphemeBase,
        ["graphemeextend"] = GraphemeExtend, ["grext"] = GraphemeExtend,
        ["idcontinue"] = IdContinue, ["idc"] = IdContinue, ["idstart"] = IdStart, ["ids"] = IdStart,
        ["lower"] = Lowercase, ["lowercase"] = Lowercase,
        ["newline"] = () => CodePointSet.Of('\n', '\n'),
        ["posixpunct"] = () => Category("P").Or(Category("S")),
        ["print"] = () => Graph().Or(Category("Zs")),
        ["space"] = Space, ["whitespace"] = Space, ["wspace"] = Space,
        ["unknown"] = () => Category("C").Without(Category("Cc")).Without(Category("Cf")),
        ["upper"] = Uppercase, ["uppercase"] = Uppercase,
        ["xdigit"] = HexDigit, ["asciihexdigit"] = HexDigit, ["ahex"] = HexDigit,
    };

    private static readonly string[] PosixNames =
        ["alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "word", "xdigit"];

    /// <summary>\w in a class, and what \b looks for.</summary>
    public static CharacterProperty Word { get; } = new(WordCategories, () => Cached("word", WordSet));

    /// <summary>\w and \p{Word} outside of a class, and what \b looks for, where Oniguruma takes Latin-1's numbers for letters.</summary>
    public static CharacterProperty WordAlone { get; } =
        new(WordCategories + @"\u00B2\u00B3\u00B9\u00BC-\u00BE", () => Cached("wordalone", () => WordSet().Or(LatinNumbers)));

    public static CharacterProperty Digit { get; } = OfCategory("Nd");

    public static CharacterProperty White { get; } = new(@"\s", () => Cached("space", Space));

    public static CharacterProperty Hex { get; } = new("0-9A-Fa-f", HexDigit);

    public static CharacterProperty Any { get; } = new(@"\s\S", () => CodePointSet.All);

    public static CharacterProperty NoNewline { get; } = new(Net: null, CodePointSet.Of('\n', '\n').Not);

    /// <summary>The property of a name between \p{ and }, or null.</summary>
    public static CharacterProperty? Find(string name)
    {
        var plain = string.Concat(name.Where(character => character is not ('_' or ' ' or '-'))).ToLowerInvariant();
        return plain == "word" ? Word
            : GeneralCategories.Find(plain) is { } category ? OfCategory(category)
            : Derived.TryGetValue(plain, out var derive) ? new CharacterProperty(Net: null, () => Cached(plain, derive))
            : plain.All(char.IsAsciiLetterOrDigit) && Table.Value.Find(plain) is { } listed ? new CharacterProperty(Net: null, () => listed)
            : null;
    }

    /// <summary>The property of a name between [: and :], or null.</summary>
    public static CharacterProperty? FindPosix(string name) => !PosixNames.Contains(name) ? null
        : name == "punct" ? new CharacterProperty(@"\p{P}\p{S}", () => Cached("posixpunct", Derived["posixpunct"]))
        : Find(name);

    /// <summary>The characters of a row of the table that only this project's code asks for.</summary>
    public static CodePointSet Listed(string name) => Table.Value.Find(name)
        ?? throw new InvalidOperationException($"UnicodeProperties.txt has no row {name}.");

    private static CharacterProperty OfCategory(string category) => new($"\\p{{{category}}}", () => Category(category));

    private static CodePointSet Category(string name) => Cached(name, () => name == "Cs"
        ? CodePointSet.Of(0xD800, 0xDFFF)
        : name == "C" ? CodePointSet.Of(0xD800, 0xDFFF).Or(Where(name)) : Where(name));

    private static CodePointSet Where(string category)
    {
        var contains = GeneralCategories.Contains(category);
        return CodePointSet.Where(rune => contains[(int)Rune.GetUnicodeCategory(rune)]);
    }

    private static CodePointSet Cached(string name, Func<CodePointSet> derive) => Sets.GetOrAdd(name, (_, make) => make(), derive);

    private static CodePointSet Alphabetic() => Category("L").Or(Category("Nl")).Or(Listed("otheralphabetic"));

    private static CodePointSet Lowercase() => Category("Ll").Or(Listed("otherlowercase"));

    private static CodePointSet Uppercase() => Category("Lu").Or(Listed("otheruppercase"));

    private static CodePointSet CasedLetter() => Category("Lu").Or(Category("Ll")).Or(Category("Lt"));

    private static CodePointSet WordSet() => Alphabetic().Or(Category("M")).Or(Category("Nd")).Or(Category("Pc"));

    private static CodePointSet Space() => Category("Z").Or(CodePointSet.Of([('\t', '\r'), (0x85, 0x85)]));

    private static CodePointSet HexDigit() => CodePointSet.Of([('0', '9'), ('A', 'F'), ('a', 'f')]);

    private static CodePointSet Graph() => Space().Or(Category("Cc")).Or(Category("Cn")).Or(Category("Cs")).Not();

    private static CodePointSet GraphemeExtend() => Category("Me").Or(Category("Mn")).Or(Listed("othergraphemeextend"));

    private static CodePointSet GraphemeBase() => Category("C").Or(Category("Zl")).Or(Category("Zp")).Or(GraphemeExtend()).Not();

    private static CodePointSet Patterns() => Listed("patternsyntax").Or(Listed("patternwhitespace"));

    private static CodePointSet IdStart() => Category("L").Or(Category("Nl")).Or(Listed("otheridstart")).Without(Patterns());

    private static CodePointSet IdContinue() => IdStart().Or(Category("Mn")).Or(Category("Mc")).Or(Category("Nd")).Or(Category("Pc"))
        .Or(Listed("otheridcontinue")).Without(Patterns());
}
