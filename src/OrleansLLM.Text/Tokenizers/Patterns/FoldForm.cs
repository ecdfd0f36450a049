using System.Text;

namespace OrleansLLM.Text.Tokenizers.Patterns;

/// <summary>
/// For back-references that ignore case. Oniguruma compares what a group matched character by character, folded; .NET compares unit by unit
/// and knows other cases. So each character that has other cases is exchanged for a unit of the private use area, which they share, and
/// two marks that tell them apart. The marks are letters that differ in case only: to .NET they are one where case is ignored, and two elsewhere.
/// </summary>
/// <remarks>
/// Cases whose UTF-8 differs in length (s and the long s, k and the Kelvin sign) are no cases of each other here: Oniguruma looks at no more bytes than the
/// group matched. It does find the shorter behind the longer where that many bytes follow in the text, which is not built.
/// </remarks>
internal sealed class FoldForm : CharacterForm
{
    private const char FirstUnit = '\uE000';
    private const char LastUnit = '\uF8FF';

    /// <summary>Stands before characters of the private use area; no text has it there.</summary>
    private const char Escape = '\uDBFF';

    private const char Mark = 'q';
    private const char OtherMark = 'Q';

    private static readonly Lazy<IReadOnlyList<int[]>> Families = new(FindFamilies);

    private static readonly Lazy<Dictionary<int, (int Family, int Variant)>> Places = new(FindPlaces);

    private static readonly Lazy<CodePointSet> Exchanged = new(
        () => CodePointSet.Of(Places.Value.Keys.Select(value => (value, value)).Append((FirstUnit, LastUnit)).Append((0xD800, 0xDFFF))));

    public override int MaxUnits => 3;

    /// <summary>Case counts within, also where the pattern ignores it: a set that ignores it holds the other cases.</summary>
    public override string Write(RegexClass characters, bool ignoreCase)
    {
        var set = characters.ToSet(ignoreCase);
        var plain = set.Without(Exchanged.Value);
        var text = new StringBuilder("(?-i:");
        text.Append(NetText.Class(plain.And(CodePointSet.Of(0, char.MaxValue)).Ranges));
        PairForm.AppendPairs(text, plain);
        text.Append(@"|\uDBFF").Append(NetText.Class(set.And(CodePointSet.Of(FirstUnit, LastUnit)).Ranges));
        var byVariants = Families.Value.Index().GroupBy(
            family => string.Join('|', family.Item.Index().Where(member => set.Contains(member.Item)).Select(member => Marks(member.Index))),
            StringComparer.Ordinal);
        foreach (var families in byVariants.Where(families => families.Key.Length > 0))
        {
            text.Append('|').Append(NetText.Class(families.Select(family => (FirstUnit + family.Index, FirstUnit + family.Index))))
                .Append("(?:").Append(families.Key).Append(')');
        }

        return text.Append(')').ToString();
    }

    public override char? LiteralOf(int codePoint) => codePoint > char.MaxValue || Exchanged.Value.Contains(codePoint) ? null : (char)codePoint;

    public override string Dot(bool matchesNewline) => Write(
        RegexClass.Of(matchesNewline ? CharacterProperties.Any : CharacterProperties.NoNewline, negated: false), ignoreCase: false);

    /// <summary>No match begins between the units of a character.</summary>
    public override string Finish(string pattern) => $@"(?![\uDC00-\uDFFFqQ])(?<!\uDBFF)(?:{pattern})";

    public override bool Exchanges(ReadOnlySpan<char> text) => true;

    public override char UnitOf(Rune rune) => throw new NotSupportedException();

    public override int WriteUnits(Rune rune, Span<char> units)
    {
        if (Places.Value.TryGetValue(rune.Value, out var place))
        {
            units[0] = (char)(FirstUnit + place.Family);
            Marks(place.Variant).CopyTo(units[1..]);
            return 3;
        }

        if (rune.Value is < FirstUnit or > LastUnit)
        {
            return rune.EncodeToUtf16(units);
        }

        (units[0], units[1]) = (Escape, (char)rune.Value);
        return 2;
    }

    private static string Marks(int variant) => new([(variant & 1) == 0 ? Mark : OtherMark, (variant & 2) == 0 ? Mark : OtherMark]);

    /// <summary>The characters that are cases of each other. The ligatures of s and t fold to the same two letters.</summary>
    private static IReadOnlyList<int[]> FindFamilies() =>
        [.. CaseVariants.All.Append([0xFB05, 0xFB06]).SelectMany(family => family.GroupBy(value => new Rune(value).Utf8SequenceLength)).Select(family => family.ToArray())];

    private static Dictionary<int, (int Family, int Variant)> FindPlaces() => Families.Value.Index()
        .SelectMany(family => family.Item.Index().Select(member => (member.Item, Place: (family.Index, member.Index))))
        .ToDictionary(member => member.Item, member => member.Place);
}
