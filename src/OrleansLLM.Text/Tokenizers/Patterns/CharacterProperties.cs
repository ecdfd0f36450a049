using System.Globalization;
using System.Text;

namespace OrleansLLM.Text.Tokenizers.Patterns;

/// <summary>What a pattern names with \p{...} or [:...:], but for scripts: as .NET writes it inside a class, and what belongs to it.</summary>
internal readonly record struct CharacterProperty(string Net, Func<Rune, bool> Contains);

/// <summary>Unicode's general categories and the properties beside them. To add one, add a row.</summary>
internal static class CharacterProperties
{
    private static readonly Dictionary<string, CharacterProperty> Rows = new(StringComparer.OrdinalIgnoreCase)
    {
        ["alpha"] = Alphabetic, ["alphabetic"] = Alphabetic,
        ["alnum"] = new(@"\p{L}\p{Nl}\p{Nd}\u24B6-\u24E9", rune => Rune.IsLetterOrDigit(rune) || IsAlphabetic(rune)),
        ["upper"] = Upper, ["uppercase"] = Upper, ["lower"] = Lower, ["lowercase"] = Lower,
        ["word"] = Word, ["[:punct:]"] = new(@"\p{P}\p{S}", rune => Rune.IsPunctuation(rune) || Rune.IsSymbol(rune)),
    };

    /// <summary>\w in a class: Oniguruma's has no joiners, unlike that of <see cref="Runes.IsWord"/>.</summary>
    public static CharacterProperty Word => new(@"\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\u24B6-\u24E9", IsWord);

    /// <summary>\w by itself: Oniguruma's has Latin-1's numbers, too.</summary>
    public static CharacterProperty WordAlone => new(
        Word.Net + @"\u00B2\u00B3\u00B9\u00BC-\u00BE", rune => IsWord(rune) || rune.Value is 0xB2 or 0xB3 or 0xB9 or (>= 0xBC and <= 0xBE));

    private static CharacterProperty Alphabetic => new(@"\p{L}\p{Nl}\u24B6-\u24E9", IsAlphabetic);

    private static CharacterProperty Upper => new(@"\p{Lu}", Rune.IsUpper);

    private static CharacterProperty Lower => new(@"\p{Ll}", Rune.IsLower);

    /// <summary>The property of a name without underscores, spaces and hyphens, or null.</summary>
    public static CharacterProperty? Find(string name) => CharacterSet.Category(name) is { } category
        ? new CharacterProperty($"\\p{{{CharacterSet.CategoryName(name)}}}", rune => category(Rune.GetUnicodeCategory(rune)))
        : Rows.TryGetValue(name, out var row) ? row : null;

    /// <summary>The property of a name between [: and :], which for punct is another than \p's.</summary>
    public static CharacterProperty? FindBracketed(string name) => Rows.TryGetValue($"[:{name}:]", out var row) ? row : Find(name);

    private static bool IsWord(Rune rune) => rune.Value is not (0x200C or 0x200D) && Runes.IsWord(rune);

    private static bool IsAlphabetic(Rune rune) => Rune.IsLetter(rune) || Runes.IsCircledLetter(rune.Value)
        || Rune.GetUnicodeCategory(rune) == UnicodeCategory.LetterNumber;
}
