using System.Text;

namespace OrleansLLM.Text.Tokenizers;

/// <summary>
/// Rewrites an <see cref="AlignedText"/> from left to right: what replaces a character takes its extent, what is inserted takes the extent
/// of the character before it.
/// </summary>
internal sealed class AlignedTextBuilder(AlignedText source)
{
    /// <summary>Longer texts are refused: a hostile file's normalizers could double a text without end.</summary>
    private const int MaxLength = 1 << 24;

    private readonly StringBuilder _text = new(source.Text.Length + 8);
    private readonly List<Extent> _extents = new(source.Text.Length + 8);
    private int _position;

    /// <summary>How many units of the source are behind.</summary>
    public int Position => _position;

    /// <summary>Puts a character in the place of the source's next one.</summary>
    public void Replace(Rune rune)
    {
        if (_position >= source.Text.Length)
        {
            Insert(rune);
            return;
        }

        Append(rune, source.ExtentOfCharacter(_position));
        Skip();
    }

    /// <summary>Adds a character behind what stands before the position.</summary>
    public void Insert(Rune rune) =>
        Append(rune, _position == 0 ? new Extent(source.Origin, source.Origin) : source.ExtentOfCharacter(_position - 1));

    public void Insert(string text)
    {
        foreach (var rune in text.EnumerateRunes())
        {
            Insert(rune);
        }
    }

    /// <summary>Drops the source's next character.</summary>
    public void Skip() => _position += Runes.LengthAt(source.Text, _position);

    public void Skip(int units) => _position += units;

    /// <summary>Takes units of the source as they are.</summary>
    public void Copy(int units)
    {
        Check(units);
        _text.Append(source.Text, _position, units);
        for (var end = _position + units; _position < end; _position++)
        {
            _extents.Add(source.ExtentOfCharacter(_position));
        }
    }

    /// <summary>Takes the rest of the source as it is.</summary>
    public AlignedText Finish()
    {
        Copy(source.Text.Length - _position);
        return new AlignedText(_text.ToString(), [.. _extents], source.Origin);
    }

    /// <summary>Drops the rest of the source.</summary>
    public AlignedText FinishHere() => new(_text.ToString(), [.. _extents], source.Origin);

    private void Check(int units)
    {
        if (_text.Length + (long)units > MaxLength)
        {
            throw new TokenizerException($"normalizing makes more than {MaxLength} characters of the text");
        }
    }

    private void Append(Rune rune, Extent extent)
    {
        Span<char> units = stackalloc char[2];
        var length = rune.EncodeToUtf16(units);
        Check(length);
        _text.Append(units[..length]);
        for (var i = 0; i < length; i++)
        {
            _extents.Add(extent);
        }
    }
}
