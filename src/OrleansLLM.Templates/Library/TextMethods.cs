using System.Collections.Frozen;
using OrleansLLM.Templates.Values;
using static OrleansLLM.Templates.Library.Methods;

namespace OrleansLLM.Templates.Library;

/// <summary>The methods of str. Each result keeps which of its characters came from the input.</summary>
internal static class TextMethods
{
    private static readonly string[] Unbuilt =
        ["casefold", "encode", "expandtabs", "isidentifier", "istitle", "maketrans", "translate"];

    public static FrozenDictionary<string, Method> Rows { get; } = Table(
    [
        new("strip", "chars? /", (r, self, given) => TextOperations.Strip((TextValue)self, given[0], StripEnds.Both)),
        new("lstrip", "chars? /", (r, self, given) => TextOperations.Strip((TextValue)self, given[0], StripEnds.Left)),
        new("rstrip", "chars? /", (r, self, given) => TextOperations.Strip((TextValue)self, given[0], StripEnds.Right)),
        new("split", "sep? maxsplit?", (r, self, given) => Splitting.Split(r, (TextValue)self, given[0], given[1])),
        new("rsplit", "sep? maxsplit?", (r, self, given) => Splitting.SplitFromRight(r, (TextValue)self, given[0], given[1])),
        new("splitlines", "keepends?", (r, self, given) => new ListValue(Splitting.Lines(r, (TextValue)self, IsTrue(given[0])))),
        new("partition", "sep /", (_, self, given) => Splitting.Partition((TextValue)self, Methods.Text(given[0]!))),
        new("rpartition", "sep /", (_, self, given) => Splitting.PartitionFromRight((TextValue)self, Methods.Text(given[0]!))),
        new("join", "iterable /", (r, self, given) => TextOperations.Join(r, (TextValue)self, given[0]!)),
        new("replace", "old new count? /", Replace),
        new("removeprefix", "prefix /", (_, self, given) => RemovePrefix((TextValue)self, Methods.Text(given[0]!))),
        new("removesuffix", "suffix /", (_, self, given) => RemoveSuffix((TextValue)self, Methods.Text(given[0]!))),
        new("startswith", "prefix start? end? /", (_, self, given) => Searching.HasAffix((TextValue)self, given, Affix.Prefix)),
        new("endswith", "suffix start? end? /", (_, self, given) => Searching.HasAffix((TextValue)self, given, Affix.Suffix)),
        new("find", "sub start? end? /", (_, self, given) => IntValue.Of(Searching.Find((TextValue)self, given, Direction.FromLeft))),
        new("rfind", "sub start? end? /", (_, self, given) => IntValue.Of(Searching.Find((TextValue)self, given, Direction.FromRight))),
        new("index", "sub start? end? /", (_, self, given) => Searching.Index((TextValue)self, given, Direction.FromLeft)),
        new("rindex", "sub start? end? /", (_, self, given) => Searching.Index((TextValue)self, given, Direction.FromRight)),
        new("count", "sub start? end? /", (_, self, given) => Searching.Count((TextValue)self, given)),
        new("upper", "", (_, self, _) => Casing.ToUpper((TextValue)self)),
        new("lower", "", (_, self, _) => Casing.ToLower((TextValue)self)),
        new("swapcase", "", (_, self, _) => Casing.Swap((TextValue)self)),
        new("capitalize", "", (_, self, _) => Casing.Capitalize((TextValue)self)),
        new("title", "", (_, self, _) => Casing.ToTitle((TextValue)self)),
        new("ljust", "width fillchar? /", (r, self, given) => TextOperations.Pad(r, (TextValue)self, given, Alignment.Left)),
        new("rjust", "width fillchar? /", (r, self, given) => TextOperations.Pad(r, (TextValue)self, given, Alignment.Right)),
        new("center", "width fillchar? /", (r, self, given) => TextOperations.Pad(r, (TextValue)self, given, Alignment.Center)),
        new("zfill", "width /", (r, self, given) => TextOperations.ZeroFill(r, (TextValue)self, Integer(given[0], 0))),
        new("isspace", "", (_, self, _) => All(self, (text, at) => CodePoints.IsSpace(text[at]))),
        new("isalpha", "", (_, self, _) => All(self, CodePoints.IsAlpha)),
        new("isalnum", "", (_, self, _) => All(self, CodePoints.IsAlphanumeric)),
        new("isdecimal", "", (_, self, _) => All(self, CodePoints.IsDecimal)),
        new("isdigit", "", (_, self, _) => All(self, CodePoints.IsDigit)),
        new("isnumeric", "", (_, self, _) => All(self, CodePoints.IsNumeric)),
        new("isprintable", "", (_, self, _) => IntValue.Of(!((TextValue)self).IsTrue || All(self, CodePoints.IsPrintable).IsTrue)),
        new("isascii", "", (_, self, _) => IntValue.Of(((TextValue)self).Text.All(char.IsAscii))),
        new("islower", "", (_, self, _) => IntValue.Of(IsCaseOnly(((TextValue)self).Text, Casing.IsLower))),
        new("isupper", "", (_, self, _) => IntValue.Of(IsCaseOnly(((TextValue)self).Text, Casing.IsUpper))),
        new("format", "", (_, _, _) => NoneValue.Instance) { Raw = (r, self, given) => BraceFormat.Apply(r, (TextValue)self, given) },
        new("format_map", "", (_, _, _) => NoneValue.Instance) { Raw = (r, self, given) => BraceFormat.ApplyMap(r, (TextValue)self, given) },
        .. Unbuilt.Select(name => Method.NotBuilt("str", name)),
    ]);

    /// <summary>str.islower and str.isupper: at least one cased character, and none of the other case.</summary>
    public static bool IsCaseOnly(string text, Func<string, int, bool> wanted)
    {
        var cased = false;
        for (var at = 0; at < text.Length; at += CodePoints.WidthAt(text, at))
        {
            if (wanted(text, at))
            {
                cased = true;
            }
            else if (Casing.IsCased(text, at))
            {
                return false;
            }
        }

        return cased;
    }

    private static IntValue All(Value self, Func<string, int, bool> test)
    {
        var text = ((TextValue)self).Text;
        for (var at = 0; at < text.Length; at += CodePoints.WidthAt(text, at))
        {
            if (!test(text, at))
            {
                return IntValue.False;
            }
        }

        return IntValue.Of(text.Length > 0);
    }

    private static TextValue Replace(Rendering rendering, Value self, Value?[] given)
    {
        var text = (TextValue)self;
        var replacement = text.IsMarkup ? Markup.Escape(given[1]!) : Methods.Text(given[1]!);
        return TextOperations.Replace(rendering, text, Methods.Text(given[0]!), replacement, Integer(given[2], -1)).As(text.Kind);
    }

    private static TextValue RemovePrefix(TextValue text, TextValue prefix) =>
        text.Text.StartsWith(prefix.Text, StringComparison.Ordinal)
            ? text.Part(prefix.Text.Length, text.Text.Length - prefix.Text.Length)
            : text;

    private static TextValue RemoveSuffix(TextValue text, TextValue suffix) =>
        text.Text.EndsWith(suffix.Text, StringComparison.Ordinal) ? text.Part(0, text.Text.Length - suffix.Text.Length) : text;
}
