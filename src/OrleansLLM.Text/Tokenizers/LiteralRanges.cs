namespace OrleansLLM.Text.Tokenizers;

/// <summary>
/// Which parts of a text are literal: special tokens that stand there are plain text, and none reaches across such a part's border.
/// </summary>
internal sealed class LiteralRanges(TextSpan[] ranges)
{
    public static readonly LiteralRanges None = new([]);
    public static readonly LiteralRanges Everything = new([new TextSpan(0, int.MaxValue)]);

    public bool IsEmpty => ranges.Length == 0;

    public static LiteralRanges Of(ReadOnlySpan<TextSpan> ranges) => ranges.IsEmpty ? None : new LiteralRanges(ranges.ToArray());

    /// <summary>Whether a border lies inside an extent.</summary>
    public bool IsCut(Extent extent)
    {
        var next = FirstEndingAfter(extent.Start);
        return next < ranges.Length && (ranges[next].Start > extent.Start || ranges[next].End < extent.End)
            && ranges[next].Start < extent.End && ranges[next].Length > 0;
    }

    /// <summary>Whether an extent lies in a literal part.</summary>
    public bool Contains(Extent extent)
    {
        var next = FirstEndingAfter(extent.Start);
        return next < ranges.Length && ranges[next].Start <= extent.Start && extent.End <= ranges[next].End;
    }

    private int FirstEndingAfter(int position)
    {
        var (low, high) = (0, ranges.Length);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = ranges[middle].End > position ? (low, middle) : (middle + 1, high);
        }

        return low;
    }
}
