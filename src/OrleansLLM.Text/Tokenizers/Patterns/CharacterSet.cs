using System.Globalization;
using System.Text;

namespace OrleansLLM.Text.Tokenizers.Patterns;

/// <summary>A set of UTF-16 units, for classes that .NET's syntax can't say: intersections, nested negations, scripts.</summary>
/// <param name="supplementary">What units stand for, where that is not their category alone.</param>
internal sealed class CharacterSet(SupplementaryUnits? supplementary)
{
    private const int Units = char.MaxValue + 1;

    private readonly ulong[] _bits = new ulong[Units / 64];

    /// <summary>Adds the characters of a range of code points.</summary>
    public void Add(int first, int last)
    {
        if (supplementary is not null)
        {
            Add(rune => rune.Value >= first && rune.Value <= last);
            return;
        }

        for (var unit = first; unit <= Math.Min(last, char.MaxValue); unit++)
        {
            _bits[unit >> 6] |= 1UL << unit;
        }
    }

    public void Add(Func<Rune, bool> contains)
    {
        for (var unit = 0; unit < Units; unit++)
        {
            if (Rune.TryCreate(supplementary?.ExampleOf(unit) ?? unit, out var rune) && contains(rune))
            {
                _bits[unit >> 6] |= 1UL << unit;
            }
        }
    }

    public void Add(CharacterSet other) => Combine(other, (mine, theirs) => mine | theirs);

    public void Intersect(CharacterSet other) => Combine(other, (mine, theirs) => mine & theirs);

    public void Invert() => Combine(this, (mine, _) => ~mine);

    /// <summary>The set as a .NET character class.</summary>
    public string ToClass()
    {
        var text = new StringBuilder("[");
        for (var unit = 0; unit < Units;)
        {
            if (!Contains(unit))
            {
                unit++;
                continue;
            }

            var first = unit;
            while (unit < Units && Contains(unit))
            {
                unit++;
            }

            AppendRange(text, first, unit - 1);
        }

        return text.Length == 1 ? "(?!)" : text.Append(']').ToString();
    }

    /// <summary>The categories that a property's name or abbreviation covers, or null.</summary>
    public static Func<UnicodeCategory, bool>? Category(string name) => Categories.TryGetValue(name, out var prefix)
        ? category => Abbreviations[(int)category].StartsWith(prefix, StringComparison.Ordinal)
        : null;

    /// <summary>.NET's name of a general category, or null.</summary>
    public static string? CategoryName(string name) => Categories.GetValueOrDefault(name);

    public static void AppendRange(StringBuilder text, int first, int last)
    {
        AppendUnit(text, first);
        if (last > first)
        {
            text.Append('-');
            AppendUnit(text, last);
        }
    }

    private static void AppendUnit(StringBuilder text, int unit) => text.Append(CultureInfo.InvariantCulture, $"\\u{unit:X4}");

    private bool Contains(int unit) => (_bits[unit >> 6] & (1UL << unit)) != 0;

    private void Combine(CharacterSet other, Func<ulong, ulong, ulong> combine)
    {
        for (var i = 0; i < _bits.Length; i++)
        {
            _bits[i] = combine(_bits[i], other._bits[i]);
        }
    }

    /// <summary>Indexed by <see cref="UnicodeCategory"/>.</summary>
    private static readonly string[] Abbreviations =
    [
        "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co",
        "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Sm", "Sc", "Sk", "So", "Cn",
    ];

    private static readonly Dictionary<string, string> Categories = BuildCategories();

    private static Dictionary<string, string> BuildCategories()
    {
        var names = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase)
        {
            ["letter"] = "L", ["mark"] = "M", ["number"] = "N", ["punctuation"] = "P", ["punct"] = "P", ["symbol"] = "S",
            ["separator"] = "Z", ["other"] = "C", ["uppercaseletter"] = "Lu", ["lowercaseletter"] = "Ll", ["titlecaseletter"] = "Lt",
            ["modifierletter"] = "Lm", ["otherletter"] = "Lo", ["nonspacingmark"] = "Mn", ["spacingmark"] = "Mc", ["enclosingmark"] = "Me",
            ["decimalnumber"] = "Nd", ["digit"] = "Nd", ["letternumber"] = "Nl", ["othernumber"] = "No", ["control"] = "Cc", ["cntrl"] = "Cc",
            ["format"] = "Cf", ["mathsymbol"] = "Sm", ["currencysymbol"] = "Sc", ["modifiersymbol"] = "Sk", ["othersymbol"] = "So",
        };
        foreach (var abbreviation in Abbreviations)
        {
            names[abbreviation] = abbreviation;
            names[abbreviation[..1]] = abbreviation[..1];
        }

        return names;
    }
}
