namespace OrleansLLM.Text.Tokenizers.Models;

/// <summary>
/// Byte pair encoding: Microsoft.ML.Tokenizers merges words, <see cref="HeapBpe"/> long pieces, unknown characters, and what that package
/// can't hold exactly.
/// </summary>
/// <remarks>
/// Thread-safe. Both give the same ids, so that a text can be tokenized at once: the package's tables, which take longer to build than the
/// file to read, are built behind the first text, so that a server's start does not wait for them.
/// A piece of n characters takes O(n log n): long ones never reach the package, which takes O(n²).
/// </remarks>
internal sealed class BpeModel : ITokenModel
{
    private readonly BpeOptions _options;
    private readonly HeapBpe _heap;
    private readonly Lazy<Task<PackageBpe?>> _package;

    /// <summary>By id, whether a piece that is a token's string merges into that token: most words do, and need no merging the second time.</summary>
    private readonly WholeWord[] _wholeWords;

    public BpeModel(Vocabulary vocabulary, MergeTable merges, BpeOptions options)
    {
        Vocabulary = vocabulary;
        _options = options;
        _heap = new HeapBpe(vocabulary, merges, options);
        _wholeWords = new WholeWord[vocabulary.Size];
        _package = new Lazy<Task<PackageBpe?>>(() => Task.Run(() => PackageBpe.Build(vocabulary, merges, options)));
    }

    public Vocabulary Vocabulary { get; }

    public Task Prepared => _package.Value;

    public void Tokenize(ReadOnlySpan<char> piece, List<ModelToken> tokens)
    {
        var isToken = Vocabulary.TryGetId(piece, out var whole) && Vocabulary.Find(whole).SequenceEqual(piece);
        if (isToken && (_options.WholePieces == WholePieces.LookedUp || _wholeWords[whole] == WholeWord.Yes))
        {
            tokens.Add(new ModelToken(whole, 0, piece.Length));
            return;
        }

        var first = tokens.Count;
        Merge(piece, tokens);
        if (isToken)
        {
            // Threads may meet here: all of them write the same.
            _wholeWords[whole] = tokens.Count == first + 1 && tokens[first].Id == whole ? WholeWord.Yes : WholeWord.No;
        }
    }

    private enum WholeWord : byte
    {
        Unknown,
        Yes,
        No,
    }

    private void Merge(ReadOnlySpan<char> piece, List<ModelToken> tokens)
    {
        if (piece.Length > PackageBpe.MaxPieceLength || !_package.Value.IsCompletedSuccessfully
            || _package.Value.Result?.TryTokenize(piece, tokens) != true)
        {
            _heap.Tokenize(piece, tokens);
        }
    }
}
