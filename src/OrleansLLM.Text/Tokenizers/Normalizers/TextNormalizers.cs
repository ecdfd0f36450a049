using OrleansLLM.Text.Tokenizers.Patterns;

namespace OrleansLLM.Text.Tokenizers.Normalizers;

/// <summary>Puts a string before a text that is not empty.</summary>
internal sealed class PrependNormalizer(string prefix) : INormalizer
{
    public AlignedText Normalize(AlignedText text) => text.Text.Length == 0 ? text : Prepend(text, prefix);

    /// <summary>Puts a string before a text; it takes the extent of the text's first character.</summary>
    public static AlignedText Prepend(AlignedText text, string prefix)
    {
        if (prefix.Length == 0)
        {
            return text;
        }

        var builder = new AlignedTextBuilder(text);
        var first = Runes.At(text.Text, 0);
        var isFirst = true;
        foreach (var rune in prefix.EnumerateRunes())
        {
            if (isFirst)
            {
                builder.Replace(rune);
            }
            else
            {
                builder.Insert(rune);
            }

            isFirst = false;
        }

        builder.Insert(first);
        return builder.Finish();
    }
}

/// <summary>Puts a string in the place of each match.</summary>
internal sealed class ReplaceNormalizer(IPattern pattern, string content) : INormalizer
{
    public AlignedText Normalize(AlignedText text)
    {
        var matches = new List<PatternMatch>();
        pattern.Find(text.Text, matches);
        if (!matches.Exists(match => match.IsMatch))
        {
            return text;
        }

        var builder = new AlignedTextBuilder(text);
        foreach (var match in matches)
        {
            if (match.IsMatch)
            {
                builder.Skip(match.End - match.Start);
                builder.Insert(content);
            }
            else
            {
                builder.Copy(match.End - match.Start);
            }
        }

        return builder.Finish();
    }
}

/// <summary>Drops white space at the ends.</summary>
internal sealed class StripNormalizer(bool left, bool right) : INormalizer
{
    public AlignedText Normalize(AlignedText text)
    {
        var start = left ? text.Text.Length - text.Text.AsSpan().TrimStart().Length : 0;
        var end = right ? text.Text.AsSpan().TrimEnd().Length : text.Text.Length;
        if (start == 0 && end == text.Text.Length)
        {
            return text;
        }

        var builder = new AlignedTextBuilder(text);
        builder.Skip(start);
        builder.Copy(Math.Max(0, end - start));
        return builder.FinishHere();
    }
}
