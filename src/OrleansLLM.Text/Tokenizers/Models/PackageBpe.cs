using Microsoft.ML.Tokenizers;
using PackageOptions = Microsoft.ML.Tokenizers.BpeOptions;

namespace OrleansLLM.Text.Tokenizers.Models;

/// <summary>The BPE of Microsoft.ML.Tokenizers, given pieces whose characters are all in the vocabulary. Thread-safe.</summary>
internal sealed class PackageBpe
{
    /// <summary>
    /// It keeps words of up to this many UTF-16 units. Longer pieces it merges anew each time, 2.5 times slower than <see cref="HeapBpe"/>
    /// at 16 units, 6 times at 8192.
    /// </summary>
    public const int MaxPieceLength = 15;

    private readonly BpeTokenizer _tokenizer;
    private readonly Vocabulary _vocabulary;
    private readonly BpeOptions _options;
    private readonly int _unknown;

    private PackageBpe(BpeTokenizer tokenizer, Vocabulary vocabulary, BpeOptions options, int unknown)
    {
        _tokenizer = tokenizer;
        _vocabulary = vocabulary;
        _options = options;
        _unknown = unknown;
    }

    /// <summary>Builds the package's tables, 50 to 700 ms for 32k to 152k tokens; null for a vocabulary that it can't hold exactly.</summary>
    public static PackageBpe? Build(Vocabulary vocabulary, MergeTable merges, BpeOptions options)
    {
        var strings = vocabulary.Strings();
        // The package keeps one string an id.
        if (strings.Count == 0 || strings.Count != vocabulary.Count)
        {
            return null;
        }

        // An unknown character vanishes, which shows in what the tokens spell; among affixes it needs a token to show.
        var hasAffixes = options.ContinuingPrefix.Length + options.EndOfWordSuffix.Length > 0;
        var unknown = hasAffixes ? options.UnknownId : null;
        if ((hasAffixes && unknown is null) || Lines(vocabulary, merges, options.ContinuingPrefix.Length) is not { } lines)
        {
            return null;
        }

        var tokenizer = BpeTokenizer.Create(new PackageOptions(strings)
        {
            Merges = lines,
            ContinuingSubwordPrefix = options.ContinuingPrefix.Length > 0 ? options.ContinuingPrefix : null,
            EndOfWordSuffix = options.EndOfWordSuffix.Length > 0 ? options.EndOfWordSuffix : null,
            UnknownToken = unknown is { } id ? vocabulary.Find(id).ToString() : null,
        });
        return new PackageBpe(tokenizer, vocabulary, options, unknown ?? -1);
    }

    /// <summary>Adds the tokens of a piece; adds none and returns false where a character of it is not in the vocabulary.</summary>
    public bool TryTokenize(ReadOnlySpan<char> piece, List<ModelToken> tokens)
    {
        var ids = _tokenizer.EncodeToIds(piece, considerPreTokenization: false, considerNormalization: false);
        var first = tokens.Count;
        var at = 0;
        for (var i = 0; i < ids.Count; i++)
        {
            var length = _vocabulary.Find(ids[i]).Length
                - (i > 0 ? _options.ContinuingPrefix.Length : 0) - (i == ids.Count - 1 ? _options.EndOfWordSuffix.Length : 0);
            if (ids[i] == _unknown)
            {
                at = -1;
                break;
            }

            tokens.Add(new ModelToken(ids[i], at, at + length));
            at += length;
        }

        if (at != piece.Length)
        {
            tokens.RemoveRange(first, tokens.Count - first);
        }

        return at == piece.Length;
    }

    /// <summary>
    /// The merges as the package reads them; null where that is not exact: it numbers every merge, while equal ranks (SentencePiece's
    /// scores) merge the leftmost first, and it can't write a token that holds a space, nor an empty one.
    /// </summary>
    private static List<string>? Lines(Vocabulary vocabulary, MergeTable merges, int prefixLength)
    {
        var lines = new List<string>();
        var last = -1;
        foreach (var (left, right, rank) in merges.ByRank())
        {
            var first = vocabulary.Find(left);
            var second = vocabulary.Find(right);
            if (rank == last || first.Length == 0 || second.Length <= prefixLength || first.Contains(' ') || second.Contains(' '))
            {
                return null;
            }

            lines.Add(string.Concat(first, " ", second));
            last = rank;
        }

        return lines;
    }
}
