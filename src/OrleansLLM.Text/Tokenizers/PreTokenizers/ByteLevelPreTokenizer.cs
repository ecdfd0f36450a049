using System.Text;
using OrleansLLM.Text.Tokenizers.Normalizers;
using OrleansLLM.Text.Tokenizers.Patterns;

namespace OrleansLLM.Text.Tokenizers.PreTokenizers;

/// <summary>GPT-2's pre-tokenizer: splits words by a pattern and writes each UTF-8 byte as one character.</summary>
internal sealed class ByteLevelPreTokenizer(PrefixSpace prefixSpace, IPattern? words) : IPreTokenizer
{
    private static readonly Lazy<RegexPattern> Gpt2Words = new(() => new RegexPattern(KnownPatterns.Gpt2));

    public static ByteLevelPreTokenizer Read(TokenizerComponent component) => new(
        component.Boolean("add_prefix_space") ? PrefixSpace.Add : PrefixSpace.None,
        component.OptionalBoolean("use_regex") ?? true ? Gpt2Words.Value : null);

    public void PreTokenize(PieceList pieces)
    {
        if (prefixSpace == PrefixSpace.Add)
        {
            pieces.Rewrite(piece => pieces.Put(piece.Span[0] == ' '
                ? piece
                : Piece.Whole(PrependNormalizer.Prepend(piece.ToText(), " "))));
        }

        if (words is not null)
        {
            pieces.Split(words, SplitBehavior.Isolated);
        }

        WriteBytes(pieces);
    }

    /// <summary>All pieces become ranges of one text.</summary>
    private static void WriteBytes(PieceList pieces)
    {
        var bytes = 0;
        foreach (var piece in pieces.Pieces)
        {
            bytes += piece.IsToken ? 0 : Encoding.UTF8.GetByteCount(piece.Span);
        }

        var extents = pieces.Tracking == Tracking.Extents ? new Extent[bytes] : null;
        var spans = new List<(int Start, int Length)>(pieces.Pieces.Count);
        var text = string.Create(bytes, (pieces, extents, spans), static (characters, state) => Fill(characters, state));
        var source = new AlignedText(text, extents, origin: 0);
        var next = 0;
        pieces.Rewrite(_ =>
        {
            var (start, length) = spans[next++];
            pieces.Put(new Piece(source, start, length, Piece.NoToken));
        });
    }

    private static void Fill(Span<char> characters, (PieceList Pieces, Extent[]? Extents, List<(int Start, int Length)> Spans) state)
    {
        var count = 0;
        foreach (var piece in state.Pieces.Pieces)
        {
            if (piece.IsToken)
            {
                continue;
            }

            var written = state.Extents is null && Ascii.IsValid(piece.Span)
                ? WriteAscii(piece.Span, characters[count..])
                : WriteBytes(piece, characters[count..], state.Extents is { } extents ? extents.AsSpan(count) : default);
            state.Spans.Add((count, written));
            count += written;
        }
    }

    private static int WriteAscii(ReadOnlySpan<char> text, Span<char> to)
    {
        for (var i = 0; i < text.Length; i++)
        {
            to[i] = ByteCharacters.ToCharacter((byte)text[i]);
        }

        return text.Length;
    }

    /// <param name="extents">Where each byte's character lies in the source; empty where nobody asks.</param>
    private static int WriteBytes(in Piece piece, Span<char> to, Span<Extent> extents)
    {
        Span<byte> utf8 = stackalloc byte[4];
        var count = 0;
        var span = piece.Span;
        for (var i = 0; i < span.Length; i += Runes.LengthAt(span, i))
        {
            var length = Runes.At(span, i).EncodeToUtf8(utf8);
            if (!extents.IsEmpty)
            {
                extents.Slice(count, length).Fill(piece.Source.ExtentOfCharacter(piece.Start + i));
            }

            for (var k = 0; k < length; k++)
            {
                to[count++] = ByteCharacters.ToCharacter(utf8[k]);
            }
        }

        return count;
    }
}

/// <summary>Whether a text that begins without a space gets one.</summary>
internal enum PrefixSpace
{
    None,
    Add,
}
