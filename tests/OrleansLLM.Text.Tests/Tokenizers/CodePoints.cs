using OrleansLLM.Text.Tokenizers;

namespace OrleansLLM.Text.Tests.Tokenizers;

/// <summary>The reference counts code points, we count UTF-16 units.</summary>
internal static class CodePoints
{
    /// <summary>Flat starts and ends in code points.</summary>
    public static int[] Of(string text, IEnumerable<Extent> extents)
    {
        var index = new int[text.Length + 1];
        var count = 0;
        for (var i = 0; i < text.Length; i++)
        {
            index[i] = count;
            var isPair = char.IsHighSurrogate(text[i]) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]);
            count += isPair ? 0 : 1;
        }

        index[text.Length] = count;
        return [.. extents.SelectMany(extent => new[] { index[extent.Start], index[extent.End] })];
    }
}
