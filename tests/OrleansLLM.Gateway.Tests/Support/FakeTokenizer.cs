using System.Buffers;
using System.Text;
using Microsoft.ML.Tokenizers;
using OrleansLLM.Text;
using OrleansLLM.Text.Tokenizers;

namespace OrleansLLM.Gateway.Tests.Support;

/// <summary>
/// 256 bytes, five special tokens and some words, the longest match first. Slow and obvious; streams hold back half characters.
/// </summary>
internal sealed class FakeTokenizer : TextTokenizer
{
    /// <summary>A text that takes too long.</summary>
    public const string Endless = "endless";

    public const int Bos = 256;
    public const int Eos = 257;
    public const int User = 258;
    public const int Assistant = 259;
    public const int End = 260;

    private static readonly string[] Special = ["<s>", "</s>", "<|user|>", "<|assistant|>", "<|end|>"];

    private static readonly string[] Words = ["hello", " hello", "world", " world", " the", "END", "ST", "OP", " one", " two", " three", "\n\n"];

    private readonly byte[][] _bytes =
        [.. Enumerable.Range(0, 256).Select(value => new[] { (byte)value }), .. Special.Concat(Words).Select(Encoding.UTF8.GetBytes)];

    public override int VocabularySize => _bytes.Length;

    public override PreTokenizer? PreTokenizer => null;

    public override Normalizer? Normalizer => null;

    public override IReadOnlyList<int> Encode(string text, ReadOnlySpan<TextSpan> literal, AddedTokens added)
    {
        if (text == Endless)
        {
            throw new TokenizerException("it takes too long");
        }

        var ids = new List<int>();
        if (added == AddedTokens.PostProcessor)
        {
            ids.Add(Bos);
        }

        var spans = literal.ToArray();
        for (var at = 0; at < text.Length;)
        {
            var isLiteral = spans.Any(span => at >= span.Start && at < span.End);
            var special = isLiteral ? -1 : Array.FindIndex(Special, token => Stands(token, text, at));
            var word = Words.Where(token => Stands(token, text, at)).MaxBy(token => token.Length);
            if (special >= 0)
            {
                ids.Add(256 + special);
                at += Special[special].Length;
            }
            else if (word is not null)
            {
                ids.Add(256 + Special.Length + Array.IndexOf(Words, word));
                at += word.Length;
            }
            else
            {
                var length = char.IsSurrogatePair(text, at) ? 2 : 1;
                ids.AddRange(Encoding.UTF8.GetBytes(text, at, length).Select(value => (int)value));
                at += length;
            }
        }

        return ids;
    }

    public int[] Ids(string text) => [.. Encode(text, [], AddedTokens.None)];

    public override string Decode(ReadOnlySpan<int> ids, SpecialTokens special)
    {
        var bytes = new List<byte>();
        foreach (var id in ids)
        {
            bytes.AddRange(special == SpecialTokens.Skip && IsSpecial(id) ? [] : _bytes[id]);
        }

        return Encoding.UTF8.GetString([.. bytes]);
    }

    public override IStreamDecoder CreateStreamDecoder(SpecialTokens special) => new StreamDecoder(this, special);

    public override string? GetToken(int id) => id < VocabularySize ? Encoding.UTF8.GetString(_bytes[id]) : null;

    public override bool TryGetId(string token, out int id)
    {
        id = Array.FindIndex(_bytes, bytes => bytes.AsSpan().SequenceEqual(Encoding.UTF8.GetBytes(token)));
        return id >= 0;
    }

    public override bool IsSpecial(int id) => id is >= 256 and < 261;

    public override ReadOnlyMemory<byte> GetBytes(int id) => _bytes[id];

    public override OperationStatus Decode(IEnumerable<int> ids, Span<char> destination, out int idsConsumed, out int charsWritten) =>
        throw new NotSupportedException();

    protected override EncodeResults<EncodedToken> EncodeToTokens(string? text, ReadOnlySpan<char> textSpan, EncodeSettings settings) =>
        throw new NotSupportedException();

    private static bool Stands(string token, string text, int at) => string.CompareOrdinal(text, at, token, 0, token.Length) == 0;

    private sealed class StreamDecoder(FakeTokenizer tokenizer, SpecialTokens special) : IStreamDecoder
    {
        private readonly Decoder _decoder = Encoding.UTF8.GetDecoder();

        public string Add(int id) => special == SpecialTokens.Skip && tokenizer.IsSpecial(id) ? "" : Convert(tokenizer._bytes[id], false);

        public string Finish() => Convert([], true);

        private string Convert(byte[] bytes, bool flush)
        {
            var chars = new char[bytes.Length + 4];
            return new string(chars, 0, _decoder.GetChars(bytes, 0, bytes.Length, chars, 0, flush));
        }
    }
}
