using System.Text;

namespace OrleansLLM.Text.Tokenizers.Patterns;

/// <summary>Which characters differ only in case: by .NET's simple mappings, and the long s, which those leave out.</summary>
internal static class CaseVariants
{
    private static readonly Lazy<IReadOnlyList<int[]>> Families = new(Build);

    /// <summary>All characters that have other cases, each with these.</summary>
    public static IReadOnlyList<int[]> All => Families.Value;

    /// <summary>The set with the other cases of its characters.</summary>
    public static CodePointSet Close(CodePointSet set) => set.Or(CodePointSet.Of(
        Families.Value.Where(family => Array.Exists(family, set.Contains)).SelectMany(family => family).Select(value => (value, value))));

    private static IReadOnlyList<int[]> Build()
    {
        var families = new Dictionary<int, List<int>>();
        foreach (var (first, last) in CodePointSet.Where(rune => Fold(rune) != rune.Value || Rune.ToUpperInvariant(rune) != rune).Ranges)
        {
            for (var value = first; value <= last; value++)
            {
                var fold = Fold(new Rune(value));
                (families.TryGetValue(fold, out var family) ? family : families[fold] = [fold]).Add(value);
            }
        }

        return [.. families.Values.Select(family => family.Distinct().ToArray()).Where(family => family.Length > 1)];
    }

    private static int Fold(Rune rune) => rune.Value switch
    {
        0x17F => 's',
        0x1E9E => 0xDF,
        0x212A => 'k',
        0x212B => 0xE5,
        0x2126 => 0x3C9,
        _ => Rune.ToLowerInvariant(Rune.ToUpperInvariant(rune)).Value,
    };
}
