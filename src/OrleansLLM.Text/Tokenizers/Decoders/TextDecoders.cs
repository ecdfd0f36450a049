using System.Text;
using OrleansLLM.Text.Tokenizers.Patterns;
using OrleansLLM.Text.Tokenizers.PreTokenizers;

namespace OrleansLLM.Text.Tokenizers.Decoders;

/// <summary>Joins all tokens into one.</summary>
internal sealed class FuseDecoder : ITokenDecoder
{
    public void Decode(List<string> tokens)
    {
        if (tokens.Count > 1)
        {
            var fused = string.Concat(tokens);
            tokens.Clear();
            tokens.Add(fused);
        }
    }
}

/// <summary>Writes the mark (▁) as a space; the first token's marks vanish unless none was put there.</summary>
internal sealed class MetaspaceDecoder(Rune mark, PrependScheme scheme) : ITokenDecoder
{
    private readonly string _mark = mark.ToString();

    public void Decode(List<string> tokens)
    {
        for (var i = 0; i < tokens.Count; i++)
        {
            var space = i == 0 && scheme != PrependScheme.Never ? string.Empty : " ";
            tokens[i] = tokens[i].Replace(_mark, space, StringComparison.Ordinal);
        }
    }
}

/// <summary>Puts a string in the place of each match, token by token.</summary>
internal sealed class ReplaceDecoder(IPattern pattern, string content) : ITokenDecoder
{
    public void Decode(List<string> tokens)
    {
        if (pattern is LiteralPattern literal)
        {
            for (var i = 0; i < tokens.Count; i++)
            {
                tokens[i] = literal.Replace(tokens[i], content);
            }

            return;
        }

        var matches = new List<PatternMatch>();
        for (var i = 0; i < tokens.Count; i++)
        {
            matches.Clear();
            pattern.Find(tokens[i], matches);
            if (matches.Exists(match => match.IsMatch))
            {
                tokens[i] = Replace(tokens[i], matches);
            }
        }
    }

    private string Replace(string token, List<PatternMatch> matches)
    {
        var text = new StringBuilder();
        foreach (var match in matches)
        {
            text.Append(match.IsMatch ? content : token.AsSpan(match.Start, match.End - match.Start));
        }

        return text.ToString();
    }
}

/// <summary>Drops a character from both ends of each token, up to a number of times.</summary>
internal sealed class StripDecoder(Rune content, int start, int stop) : ITokenDecoder
{
    private readonly string _content = content.ToString();

    public void Decode(List<string> tokens)
    {
        for (var i = 0; i < tokens.Count; i++)
        {
            var token = tokens[i].AsSpan();
            for (var count = 0; count < start && token.StartsWith(_content, StringComparison.Ordinal); count++)
            {
                token = token[_content.Length..];
            }

            for (var count = 0; count < stop && token.EndsWith(_content, StringComparison.Ordinal); count++)
            {
                token = token[..^_content.Length];
            }

            if (token.Length != tokens[i].Length)
            {
                tokens[i] = token.ToString();
            }
        }
    }
}

/// <summary>Writes the end of a word (&lt;/w&gt;) as a space, but for the last token.</summary>
internal sealed class SuffixDecoder(string suffix) : ITokenDecoder
{
    /// <summary>An empty end of a word is found before the first character, too.</summary>
    public bool TellsLastApart => suffix.Length == 0;

    public void Decode(List<string> tokens)
    {
        for (var i = 0; i < tokens.Count; i++)
        {
            tokens[i] = EmptyPattern.Replace(tokens[i], suffix, i == tokens.Count - 1 ? string.Empty : " ");
        }
    }
}

/// <summary>An empty string is found, as in Rust, before each character and at the end.</summary>
internal static class EmptyPattern
{
    public static string Replace(string text, string pattern, string content) => pattern.Length > 0
        ? text.Replace(pattern, content, StringComparison.Ordinal)
        : content + string.Concat(text.EnumerateRunes().Select(rune => string.Concat(rune.ToString(), content)));
}

/// <summary>Whether spaces before English punctuation and contractions are taken out.</summary>
internal enum Cleanup
{
    None,
    English,
}

/// <summary>Joins what begins with the prefix (##) to the token before it, puts a space before all else.</summary>
internal sealed class WordPieceDecoder(string prefix, Cleanup cleanup) : ITokenDecoder
{
    public void Decode(List<string> tokens)
    {
        for (var i = 0; i < tokens.Count; i++)
        {
            var token = tokens[i];
            if (i > 0)
            {
                token = token.StartsWith(prefix, StringComparison.Ordinal) ? token[prefix.Length..] : ' ' + token;
            }

            tokens[i] = cleanup == Cleanup.English ? CleanUp(token) : token;
        }
    }

    public static string CleanUp(string text)
    {
        foreach (var (dirty, clean) in (ReadOnlySpan<(string, string)>)[(" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"),
            (" n't", "n't"), (" 'm", "'m"), (" do not", " don't"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re")])
        {
            text = text.Replace(dirty, clean, StringComparison.Ordinal);
        }

        return text;
    }
}

/// <summary>Drops repetitions and padding (Graves et al. 2006), writes the word delimiter as a space.</summary>
internal sealed class CtcDecoder(string padding, string delimiter, Cleanup cleanup) : ITokenDecoder
{
    public void Decode(List<string> tokens)
    {
        var result = new List<string>();
        for (var i = 0; i < tokens.Count; i++)
        {
            if (i > 0 && tokens[i] == tokens[i - 1])
            {
                continue;
            }

            var token = padding.Length == 0 ? tokens[i] : tokens[i].Replace(padding, string.Empty, StringComparison.Ordinal);
            if (cleanup == Cleanup.English)
            {
                token = WordPieceDecoder.CleanUp(token);
                token = EmptyPattern.Replace(token, delimiter, " ");
            }

            if (token.Length > 0)
            {
                result.Add(token);
            }
        }

        tokens.Clear();
        tokens.AddRange(result);
    }
}
