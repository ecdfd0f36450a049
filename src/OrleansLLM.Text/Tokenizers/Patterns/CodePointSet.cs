using System.Text;

namespace OrleansLLM.Text.Tokenizers.Patterns;

/// <summary>
/// A set of code points, as the sorted borders of its ranges: what lies from the first border to before the second is in it, and so on.
/// Immutable.
/// </summary>
internal sealed class CodePointSet
{
    private const int End = 0x110000;
    private const int FirstSurrogate = 0xD800;
    private const int LastSurrogate = 0xDFFF;

    private readonly int[] _borders;

    private CodePointSet(int[] borders) => _borders = borders;

    public static CodePointSet Empty { get; } = new([]);

    public static CodePointSet All { get; } = new([0, End]);

    public IReadOnlyList<int> Borders => _borders;

    public bool IsEmpty => _borders.Length == 0;

    public IEnumerable<(int First, int Last)> Ranges
    {
        get
        {
            for (var i = 0; i < _borders.Length; i += 2)
            {
                yield return (_borders[i], _borders[i + 1] - 1);
            }
        }
    }

    public static CodePointSet Of(int first, int last) => new([first, last + 1]);

    /// <summary>The union of ranges, in any order.</summary>
    public static CodePointSet Of(IEnumerable<(int First, int Last)> ranges)
    {
        var borders = new List<int>();
        foreach (var (first, last) in ranges.OrderBy(range => range.First))
        {
            if (borders.Count > 0 && borders[^1] >= first)
            {
                borders[^1] = Math.Max(borders[^1], last + 1);
            }
            else
            {
                borders.Add(first);
                borders.Add(last + 1);
            }
        }

        return new CodePointSet([.. borders]);
    }

    /// <summary>The characters that satisfy a condition; surrogates are none.</summary>
    public static CodePointSet Where(Func<Rune, bool> contains)
    {
        var borders = new List<int>();
        var isIn = false;
        for (var value = 0; value < End; value++)
        {
            if ((value is < FirstSurrogate or > LastSurrogate && contains(new Rune(value))) != isIn)
            {
                borders.Add(value);
                isIn = !isIn;
            }
        }

        if (isIn)
        {
            borders.Add(End);
        }

        return new CodePointSet([.. borders]);
    }

    public bool Contains(int codePoint)
    {
        var found = Array.BinarySearch(_borders, codePoint);
        return (found >= 0 ? found + 1 : ~found) % 2 == 1;
    }

    public CodePointSet Or(CodePointSet other) =>
        IsEmpty ? other : other.IsEmpty ? this : Combine(other, (mine, theirs) => mine || theirs);

    public CodePointSet And(CodePointSet other) => Combine(other, (mine, theirs) => mine && theirs);

    public CodePointSet Without(CodePointSet other) => Combine(other, (mine, theirs) => mine && !theirs);

    public CodePointSet Not() => All.Without(this);

    private CodePointSet Combine(CodePointSet other, Func<bool, bool, bool> isIn)
    {
        var borders = new List<int>(_borders.Length + other._borders.Length);
        var (mine, theirs) = (0, 0);
        while (mine < _borders.Length || theirs < other._borders.Length)
        {
            var border = Math.Min(BorderAt(_borders, mine), BorderAt(other._borders, theirs));
            mine += BorderAt(_borders, mine) == border ? 1 : 0;
            theirs += BorderAt(other._borders, theirs) == border ? 1 : 0;
            if (isIn(mine % 2 == 1, theirs % 2 == 1) != (borders.Count % 2 == 1))
            {
                borders.Add(border);
            }
        }

        return new CodePointSet([.. borders]);
    }

    private static int BorderAt(int[] borders, int index) => index < borders.Length ? borders[index] : int.MaxValue;
}
