using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace OrleansLLM.Testing;

/// <summary>
/// What a chat template uses of Jinja and Python, by the names in its source. A name that neither the lists of <see cref="Built"/> nor
/// those below have is not Jinja's or Python's: it is an error, or the template's own.
/// </summary>
public static partial class TemplateFeatures
{
    private const string TextPattern = @"'(?:\\.|[^'\\])*'|""(?:\\.|[^""\\])*""";

    /// <summary>What Jinja and Python have beside what is built.</summary>
    private static readonly Dictionary<BuiltList, string[]> Others = new()
    {
        [Built.TemplateTags] = ["autoescape"],
        [Built.TemplateFilters] = ["pprint", "random", "urlize"],
        [Built.TemplateTests] = [],
        [Built.TemplateGlobals] = ["lipsum"],
        [Built.TemplateMethods] =
        [
            "as_integer_ratio", "bit_count", "casefold", "encode", "expandtabs", "from_bytes", "fromhex", "hex", "isidentifier", "istitle", "maketrans",
            "to_bytes", "translate",
        ],
    };

    /// <param name="case">What the source is rendered with and to: an entry of a golden file, or null.</param>
    public static IEnumerable<Feature> Of(string source, JsonObject? @case = null)
    {
        foreach (var code in Code().Matches(source).Select(match => match.Groups["code"].Value).Where(code => code.Length > 0))
        {
            var names = Text().Replace(code, "''");
            foreach (var feature in Named(Built.TemplateTags, Tag(), names)
                .Concat(Named(Built.TemplateFilters, Filter(), names))
                .Concat(Named(Built.TemplateTests, Test(), names))
                .Concat(Named(Built.TemplateGlobals, Global(), names))
                .Concat(Named(Built.TemplateMethods, Method(), names))
                .Concat(Constructs(code, names, $"{source}{@case?.ToJsonString()}")))
            {
                yield return feature;
            }
        }

        if (ComplexNumber().IsMatch(@case?["rendered"]?.GetValue<string>() ?? ""))
        {
            yield return Built.TemplateConstructs["complex numbers"];
        }
    }

    private static IEnumerable<Feature> Named(BuiltList list, Regex regex, string code) =>
        regex.Matches(code).Select(match => list[match.Groups["name"].Value])
            .Where(feature => feature.IsBuilt || Others[list].Contains(feature.Name, StringComparer.Ordinal));

    /// <param name="everything">All texts that can come to the code.</param>
    private static IEnumerable<Feature> Constructs(string code, string names, string everything)
    {
        var found = new[]
        {
            (@"\N{...}", Text().Matches(code).Any(text => NamedCharacter().IsMatch(text.Value))),
            ("blocks that are scoped or required", MarkedBlock().IsMatch(names)),
            ("self.block()", BlockOfSelf().IsMatch(names)),
            ("wordwrap on hyphens", WordWrap().IsMatch(names) && Hyphen().IsMatch(everything)),
            ("%a of other than ASCII", AsciiFormat().IsMatch(code) && (!everything.All(char.IsAscii) || everything.Contains(@"\u", StringComparison.Ordinal))),
        };
        return found.Where(construct => construct.Item2).Select(construct => Built.TemplateConstructs[construct.Item1]);
    }

    /// <summary>A comment, a raw block, or code.</summary>
    [GeneratedRegex(
        @"\{#.*?#\}|\{%[-+]?\s*raw\s*[-+]?%\}.*?\{%[-+]?\s*endraw\s*[-+]?%\}|(?<code>\{[{%](?:" + TextPattern + @"|[^'""])*?[}%]\})", RegexOptions.Singleline)]
    private static partial Regex Code();

    [GeneratedRegex(TextPattern, RegexOptions.Singleline)]
    private static partial Regex Text();

    [GeneratedRegex(@"^\{%[-+]?\s*(?<name>\w+)")]
    private static partial Regex Tag();

    [GeneratedRegex(@"(?:\||^\{%[-+]?\s*filter\b)\s*(?<name>[A-Za-z_]\w*)")]
    private static partial Regex Filter();

    [GeneratedRegex(@"\bis\s+(?:not\s+)?(?<name>[A-Za-z_]\w*)")]
    private static partial Regex Test();

    [GeneratedRegex(@"(?<![\w.|])(?<name>[A-Za-z_]\w*)\s*\(")]
    private static partial Regex Global();

    [GeneratedRegex(@"\.\s*(?<name>[A-Za-z_]\w*)\s*\(")]
    private static partial Regex Method();

    [GeneratedRegex(@"(?<!\\)(?:\\\\)*\\N")]
    private static partial Regex NamedCharacter();

    [GeneratedRegex(@"^\{%[-+]?\s*block\s+\w+\s+(?:scoped|required)\b")]
    private static partial Regex MarkedBlock();

    [GeneratedRegex(@"(?<![\w.])self\s*[.\[]")]
    private static partial Regex BlockOfSelf();

    [GeneratedRegex(@"\|\s*wordwrap\b(?!\s*\([^)]*break_on_hyphens\s*=\s*false)", RegexOptions.IgnoreCase)]
    private static partial Regex WordWrap();

    /// <summary>Not one that trims white space at a tag.</summary>
    [GeneratedRegex(@"(?<!\{[%{#])-(?![%}#]\})")]
    private static partial Regex Hyphen();

    [GeneratedRegex(@"%[-#0 +]*\d*(?:\.\d+)?a[^'""]*['""]\s*(?:%(?!\})|\|\s*format\b)")]
    private static partial Regex AsciiFormat();

    /// <summary>As Python writes one: (1+2j).</summary>
    [GeneratedRegex(@"\(-?[\d.e-]+[+-][\d.e-]+j\)")]
    private static partial Regex ComplexNumber();
}
