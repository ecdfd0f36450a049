using OrleansLLM.Text.Tokenizers.Patterns;

namespace OrleansLLM.Text.Tokenizers;

/// <summary>A range of a text on its way to the model; one with a token id is done.</summary>
internal readonly record struct Piece(AlignedText Source, int Start, int Length, int TokenId)
{
    /// <summary>The id of a piece that the model has still to tokenize.</summary>
    public const int NoToken = -1;

    public ReadOnlySpan<char> Span => Source.Text.AsSpan(Start, Length);

    public bool IsToken => TokenId != NoToken;

    public Extent Extent => Source.ExtentOf(Start, Length);

    public AlignedText ToText() => Source.Slice(Start, Length);

    public static Piece Whole(AlignedText text) => new(text, 0, text.Text.Length, NoToken);
}

/// <summary>Whether a text keeps the way back to the user's text after its characters became bytes.</summary>
internal enum Tracking
{
    None,
    Extents,
}

/// <summary>
/// The pieces of one text, in order. A pre-tokenizer rewrites the list: it sees each piece that is no token yet and puts what becomes of it;
/// empty pieces vanish.
/// </summary>
internal sealed class PieceList(Tracking tracking)
{
    private readonly List<PatternMatch> _matches = [];
    private TimeBudget _budget;
    private List<Piece> _pieces = [];
    private List<Piece> _next = [];

    public Tracking Tracking { get; } = tracking;

    public IReadOnlyList<Piece> Pieces => _pieces;

    public void Rewrite(Action<Piece> rewrite)
    {
        _next.Clear();
        foreach (var piece in _pieces)
        {
            if (piece.IsToken)
            {
                _next.Add(piece);
            }
            else
            {
                rewrite(piece);
                _budget.Check();
            }
        }

        (_pieces, _next) = (_next, _pieces);
    }

    /// <summary>Puts a piece in the place of the one that is being rewritten.</summary>
    public void Put(Piece piece)
    {
        if (piece.Length > 0)
        {
            _next.Add(piece);
        }
    }

    /// <summary>Puts the parts of a piece in its place.</summary>
    public void PutSplit(Piece piece, IPattern pattern, SplitBehavior behavior)
    {
        _matches.Clear();
        pattern.Find(piece.Span, _matches);
        foreach (var part in SplitBehaviors.Apply(behavior, _matches))
        {
            Put(piece with { Start = piece.Start + part.Start, Length = part.End - part.Start });
        }
    }

    public void Split(IPattern pattern, SplitBehavior behavior) => Rewrite(piece => PutSplit(piece, pattern, behavior));

    /// <summary>Lets go of the texts; returns how many pieces there is room for.</summary>
    public int Clear()
    {
        _pieces.Clear();
        _next.Clear();
        return Math.Max(_pieces.Capacity, _next.Capacity);
    }

    /// <summary>Begins with one piece.</summary>
    public void Begin(AlignedText text)
    {
        _budget = new TimeBudget(text.Text.Length);
        _pieces.Clear();
        if (text.Text.Length > 0)
        {
            _pieces.Add(Piece.Whole(text));
        }
    }
}
