using OrleansLLM.Text.Tokenizers.Models;

namespace OrleansLLM.Text.Tokenizers.Gguf;

/// <summary>
/// The merges that SentencePiece's BPE (Kudo and Richardson 2018) does without writing them down: any two pieces that make a third, that of
/// the highest score first, of equal ones the leftmost.
/// </summary>
internal static class ScoredMerges
{
    /// <summary>Longer pieces are not taken apart: a hostile file's would cost a square of their length.</summary>
    private const int MaxPieceLength = 512;

    public static MergeTable Build(GgufVocabulary file)
    {
        var scores = file.Scores;
        var pieces = new Vocabulary(file.Tokens.Count);
        var ids = new List<int>(file.Tokens.Count);
        for (var id = 0; id < file.Tokens.Count; id++)
        {
            if (file.TypeOf(id) is GgufTokenType.Normal or GgufTokenType.Unused && file.Tokens[id].Length > 0)
            {
                pieces.Add(file.Tokens[id], id);
                ids.Add(id);
            }
        }

        ids.Sort((left, right) => scores[right].CompareTo(scores[left]) is var order and not 0 ? order : left.CompareTo(right));
        var merges = new MergeTable(ids.Count * 2);
        var rank = 0;
        for (var i = 0; i < ids.Count; i++)
        {
            rank += i > 0 && scores[ids[i]] < scores[ids[i - 1]] ? 1 : 0;
            AddSplits(merges, pieces, file.Tokens[ids[i]], rank, ids[i]);
        }

        return merges;
    }

    private static void AddSplits(MergeTable merges, Vocabulary pieces, ReadOnlySpan<char> piece, int rank, int id)
    {
        if (piece.Length > MaxPieceLength)
        {
            return;
        }

        for (var at = Runes.LengthAt(piece, 0); at < piece.Length; at += Runes.LengthAt(piece, at))
        {
            if (pieces.TryGetId(piece[..at], out var left) && pieces.TryGetId(piece[at..], out var right))
            {
                merges.Add(left, right, rank, id);
            }
        }
    }
}
