using System.Collections.Frozen;
using OrleansLLM.Templates.Values;

namespace OrleansLLM.Templates.Library;

/// <summary>A filter: one row. To add one, write its function into a file of its kind and add the row.</summary>
/// <param name="Signature">The parameters behind the value, as <see cref="Templates.Signature"/> reads them; null: the function takes the arguments as they are.</param>
internal sealed record Filter(string Name, string? Signature, Func<Rendering, Value, Value?[], Value> Call)
{
    private readonly Signature? _signature = Signature is null ? null : new(Signature);

    /// <summary>For a filter that takes any arguments.</summary>
    public Func<Rendering, Value, Arguments, Value>? Raw { get; init; }

    public Value Apply(Rendering rendering, Value value, Arguments arguments)
    {
        rendering.ChargeText((value as TextValue)?.Text.Length ?? 0);
        return Raw is { } raw ? raw(rendering, value, arguments) : Call(rendering, value, _signature!.Bind(Name, arguments));
    }
}

/// <summary>Jinja's filters, and tojson as transformers has it.</summary>
internal static class Filters
{
    private static readonly FrozenSet<string> NotBuilt = new[] { "pprint", "random", "urlize" }.ToFrozenSet();

    private static readonly FrozenDictionary<string, Filter> Rows = new Filter[]
    {
        new("abs", "", NumberFilters.Abs),
        new("attr", "name", (_, value, given) => Access.Python(value, Methods.Text(given[0]!).Text) ?? UndefinedValue.Item(value, given[0]!)),
        new("batch", "linecount fill_with?", SequenceFilters.Batch),
        new("capitalize", "", (_, value, _) => Casing.Capitalize(value.ToText())),
        new("center", "width?", (r, value, given) => TextOperations.Pad(r, value.ToText(), [given[0] ?? IntValue.Of(80)], Alignment.Center)),
        new("count", "", TextFilters.Length),
        new("d", "default_value? boolean?", TextFilters.Default),
        new("default", "default_value? boolean?", TextFilters.Default),
        new("dictsort", "case_sensitive? by? reverse?", SortFilters.DictSort),
        new("e", "", (_, value, _) => Markup.Escape(value)),
        new("escape", "", (_, value, _) => Markup.Escape(value)),
        new("filesizeformat", "binary?", NumberFilters.FileSize),
        new("first", "", SequenceFilters.First),
        new("float", "default?", NumberFilters.ToFloat),
        new("forceescape", "", (_, value, _) => Markup.ForceEscape(value.ToText())),
        Any("format", TextFilters.Format),
        new("groupby", "attribute default? case_sensitive?", SortFilters.GroupBy),
        new("indent", "width? first? blank?", TextFilters.Indent),
        new("int", "default? base?", NumberFilters.ToInt),
        new("items", "", SequenceFilters.Items),
        new("join", "d? attribute?", SequenceFilters.Join),
        new("last", "", SequenceFilters.Last),
        new("length", "", TextFilters.Length),
        new("list", "", (r, value, _) => new ListValue(value.ToList(r))),
        new("lower", "", (_, value, _) => Casing.ToLower(value.ToText())),
        Any("map", SelectionFilters.Map),
        new("max", "case_sensitive? attribute?", (r, value, given) => SortFilters.Extreme(r, value, given, ">")),
        new("min", "case_sensitive? attribute?", (r, value, given) => SortFilters.Extreme(r, value, given, "<")),
        Any("reject", (r, value, given) => SelectionFilters.Select(r, value, given, Keep.Failing, Subject.Item)),
        Any("rejectattr", (r, value, given) => SelectionFilters.Select(r, value, given, Keep.Failing, Subject.Attribute)),
        new("replace", "old new count?", TextFilters.Replace),
        new("reverse", "", SequenceFilters.Reverse),
        new("round", "precision? method?", NumberFilters.Round),
        new("safe", "", (_, value, _) => value.ToText().As(MarkupKind.Markup)),
        Any("select", (r, value, given) => SelectionFilters.Select(r, value, given, Keep.Passing, Subject.Item)),
        Any("selectattr", (r, value, given) => SelectionFilters.Select(r, value, given, Keep.Passing, Subject.Attribute)),
        new("slice", "slices fill_with?", SequenceFilters.Slice),
        new("sort", "reverse? case_sensitive? attribute?", SortFilters.Sort),
        new("string", "", (_, value, _) => value.ToText()),
        new("striptags", "", HtmlFilters.StripTags),
        new("sum", "attribute? start?", NumberFilters.Sum),
        new("title", "", TextFilters.Title),
        new("tojson", "ensure_ascii? indent? separators? sort_keys?", JsonText.Of),
        new("trim", "chars?", (_, value, given) => TextOperations.Strip(value.ToText(), given[0], StripEnds.Both)),
        new("truncate", "length? killwords? end? leeway?", TextFilters.Truncate),
        new("unique", "case_sensitive? attribute?", SortFilters.Unique),
        new("upper", "", (_, value, _) => Casing.ToUpper(value.ToText())),
        new("urlencode", "", HtmlFilters.UrlEncode),
        new("wordcount", "", TextFilters.WordCount),
        new("wordwrap", "width? break_long_words? wrapstring? break_on_hyphens?", WordWrap.Apply),
        new("xmlattr", "autospace?", HtmlFilters.XmlAttributes),
    }.ToFrozenDictionary(row => row.Name);

    /// <summary>The filter, or null for a name that Jinja does not know either.</summary>
    /// <exception cref="TemplateError">Jinja knows it and it is not built here.</exception>
    public static Filter? Find(string name) => NotBuilt.Contains(name)
        ? throw TemplateError.NotBuilt($"filter '{name}'")
        : Rows.GetValueOrDefault(name);

    public static IReadOnlyCollection<string> Names => Rows.Keys;

    public static bool Knows(string name) => Rows.ContainsKey(name) || NotBuilt.Contains(name);

    private static Filter Any(string name, Func<Rendering, Value, Arguments, Value> call) =>
        new(name, null, (_, _, _) => NoneValue.Instance) { Raw = call };
}
