namespace OrleansLLM.Text.Tokenizers;

/// <summary>[Start, End) of the user's text, in UTF-16 units.</summary>
internal readonly record struct Extent(int Start, int End);

/// <summary>
/// A text on its way through the pipeline that remembers, for each of its UTF-16 units, which characters of the user's text it came from.
/// Immutable.
/// </summary>
internal sealed class AlignedText
{
    /// <summary>Null: the text is a piece of the user's own, which begins at <see cref="Origin"/>.</summary>
    private readonly Extent[]? _extents;

    public AlignedText(string text, Extent[]? extents, int origin)
    {
        Text = text;
        _extents = extents;
        Origin = origin;
    }

    public string Text { get; }

    /// <summary>Where in the user's text the piece begins from which this text was made.</summary>
    public int Origin { get; }

    /// <summary>Which part of the user's text a range of this text came from.</summary>
    public Extent ExtentOf(int start, int length)
    {
        if (_extents is null)
        {
            return new Extent(Origin + start, Origin + start + length);
        }

        return length == 0 ? new Extent(Origin, Origin) : new Extent(_extents[start].Start, _extents[start + length - 1].End);
    }

    /// <summary>The extent of the whole character that the unit at a position belongs to.</summary>
    public Extent ExtentOfCharacter(int position)
    {
        if (_extents is not null)
        {
            return _extents[position];
        }

        var start = position > 0 && char.IsLowSurrogate(Text[position]) ? position - 1 : position;
        var length = char.IsHighSurrogate(Text[start]) && start + 1 < Text.Length ? 2 : 1;
        return new Extent(Origin + start, Origin + start + length);
    }

    public AlignedText Slice(int start, int length)
    {
        if (start == 0 && length == Text.Length && (_extents is null || length == 0 || _extents[0].Start == Origin))
        {
            return this;
        }

        var origin = length == 0 ? Origin : ExtentOf(start, length).Start;
        return new AlignedText(Text.Substring(start, length), _extents?.AsSpan(start, length).ToArray(), origin);
    }
}
