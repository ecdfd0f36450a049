using System.Globalization;

namespace OrleansLLM.Text.Tokenizers.Patterns;

/// <summary>Unicode's general categories and groups of them, by the names that patterns have for them.</summary>
internal static class GeneralCategories
{
    /// <summary>Indexed by <see cref="UnicodeCategory"/>.</summary>
    private static readonly string[] Abbreviations =
    [
        "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co",
        "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Sm", "Sc", "Sk", "So", "Cn",
    ];

    private static readonly Dictionary<string, string> Names = BuildNames();

    /// <summary>The abbreviation of a category, or of a group of them, by a name in lower case without underscores; null: there is none.</summary>
    public static string? Find(string name) => Names.GetValueOrDefault(name);

    /// <summary>Which categories belong to one or to a group, indexed by <see cref="UnicodeCategory"/>.</summary>
    public static bool[] Contains(string abbreviation) =>
        [.. Abbreviations.Select(category => category.StartsWith(abbreviation, StringComparison.Ordinal))];

    private static Dictionary<string, string> BuildNames()
    {
        var names = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["letter"] = "L", ["mark"] = "M", ["combiningmark"] = "M", ["number"] = "N", ["punctuation"] = "P", ["punct"] = "P", ["symbol"] = "S",
            ["separator"] = "Z", ["other"] = "C", ["uppercaseletter"] = "Lu", ["lowercaseletter"] = "Ll", ["titlecaseletter"] = "Lt",
            ["modifierletter"] = "Lm", ["otherletter"] = "Lo", ["nonspacingmark"] = "Mn", ["spacingmark"] = "Mc", ["enclosingmark"] = "Me",
            ["decimalnumber"] = "Nd", ["digit"] = "Nd", ["letternumber"] = "Nl", ["othernumber"] = "No", ["control"] = "Cc", ["cntrl"] = "Cc",
            ["format"] = "Cf", ["unassigned"] = "Cn", ["privateuse"] = "Co", ["surrogate"] = "Cs", ["connectorpunctuation"] = "Pc",
            ["dashpunctuation"] = "Pd", ["openpunctuation"] = "Ps", ["closepunctuation"] = "Pe", ["initialpunctuation"] = "Pi",
            ["finalpunctuation"] = "Pf", ["otherpunctuation"] = "Po", ["mathsymbol"] = "Sm", ["currencysymbol"] = "Sc",
            ["modifiersymbol"] = "Sk", ["othersymbol"] = "So", ["spaceseparator"] = "Zs", ["lineseparator"] = "Zl",
            ["paragraphseparator"] = "Zp",
        };
        foreach (var abbreviation in Abbreviations)
        {
            names[abbreviation.ToLowerInvariant()] = abbreviation;
            names[abbreviation[..1].ToLowerInvariant()] = abbreviation[..1];
        }

        return names;
    }
}
