using System.Globalization;
using System.Text;
using OrleansLLM.Text.Tokenizers.Patterns;

namespace OrleansLLM.Text.Tokenizers;

/// <summary>The table OlderUnicode.txt, which says where it comes from: where a tokenizer's reference knows older characters only.</summary>
internal static class OlderUnicode
{
    /// <summary>The script of a space, of what is not assigned, and of newer characters.</summary>
    public const int NoScript = -1;

    private const int FirstInert = 0x32FF;
    private const string ScriptPrefix = "script ";

    private static readonly Lazy<PropertyTable> Table = new(() => PropertyTable.Read("OrleansLLM.Text.OlderUnicode.txt"));

    private static readonly Lazy<(int[] Starts, int[] Scripts)> Scripts = new(ReadScripts);

    private static readonly Lazy<CodePointSet> NoFormats = Row("no format");
    private static readonly Lazy<CodePointSet> NoNonspacingMarks = Row("no nonspacing mark");
    private static readonly Lazy<CodePointSet> NonspacingMarks = Row("nonspacing mark");
    private static readonly Lazy<CodePointSet> NoMarks = Row("no mark");
    private static readonly Lazy<CodePointSet> Marks = Row("mark");
    private static readonly Lazy<CodePointSet> NoPunctuation = Row("no punctuation");
    private static readonly Lazy<CodePointSet> Punctuation = Row("punctuation");
    private static readonly Lazy<CodePointSet> Inert = Row("no decomposition");

    /// <summary>The characters of a row.</summary>
    private static CodePointSet Find(string name) => Table.Value.Find(name) ?? throw new InvalidOperationException($"OlderUnicode.txt has no row {name}.");

    /// <summary>The number of a character's script, or <see cref="NoScript"/>.</summary>
    public static int ScriptOf(Rune rune)
    {
        var (starts, scripts) = Scripts.Value;
        var found = Array.BinarySearch(starts, rune.Value);
        return (found >= 0 ? found : ~found - 1) is var at and >= 0 ? scripts[at] : NoScript;
    }

    /// <summary>Of category Cf as BertNormalizer knows it.</summary>
    public static bool IsFormat(Rune rune) =>
        Rune.GetUnicodeCategory(rune) == UnicodeCategory.Format && !NoFormats.Value.Contains(rune.Value);

    /// <summary>Of category Mn as BertNormalizer knows it.</summary>
    public static bool IsNonspacingMark(Rune rune) => Rune.GetUnicodeCategory(rune) == UnicodeCategory.NonSpacingMark
        ? !NoNonspacingMarks.Value.Contains(rune.Value)
        : !rune.IsAscii && NonspacingMarks.Value.Contains(rune.Value);

    /// <summary>Of category M as StripAccents knows it.</summary>
    public static bool IsMark(Rune rune) =>
        Runes.IsMark(rune) ? !NoMarks.Value.Contains(rune.Value) : !rune.IsAscii && Marks.Value.Contains(rune.Value);

    /// <summary>Of category P as the pre-tokenizers know it.</summary>
    public static bool IsPunctuation(Rune rune) =>
        Rune.IsPunctuation(rune) ? !NoPunctuation.Value.Contains(rune.Value) : !rune.IsAscii && Punctuation.Value.Contains(rune.Value);

    /// <summary>Whether normalization leaves a character as it is.</summary>
    public static bool IsInert(Rune rune) => rune.Value >= FirstInert && Inert.Value.Contains(rune.Value);

    private static Lazy<CodePointSet> Row(string name) => new(() => Find(name));

    private static (int[] Starts, int[] Scripts) ReadScripts()
    {
        var scripts = Table.Value.Names.Where(name => name.StartsWith(ScriptPrefix, StringComparison.Ordinal)).ToList();
        var borders = new SortedDictionary<int, int>();
        for (var script = 0; script < scripts.Count; script++)
        {
            foreach (var (first, last) in Find(scripts[script]).Ranges)
            {
                borders[first] = script;
                borders.TryAdd(last + 1, NoScript);
            }
        }

        return ([.. borders.Keys], [.. borders.Values]);
    }
}
