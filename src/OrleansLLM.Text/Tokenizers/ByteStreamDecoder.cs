using System.Runtime.InteropServices;
using System.Text;

namespace OrleansLLM.Text.Tokenizers;

/// <summary>
/// Decodes a stream of byte-level ids: bytes wait until what they spell ends in a whole character. Text ending in U+FFFD waits too, since
/// the next byte may still complete it.
/// </summary>
internal sealed class ByteStreamDecoder(PipelineTokenizer tokenizer, SpecialTokens special) : IStreamDecoder
{
    /// <summary>More waiting bytes than this are no character: they go out, whatever they spell.</summary>
    private const int MaxWaiting = 256;

    private readonly List<byte> _waiting = [];

    public string Add(int id)
    {
        var before = _waiting.Count;
        tokenizer.AppendBytes(id, special, _waiting);
        if (_waiting.Count == before)
        {
            return string.Empty;
        }

        var text = Encoding.UTF8.GetString(CollectionsMarshal.AsSpan(_waiting));
        if (text[^1] == '\uFFFD')
        {
            return _waiting.Count <= MaxWaiting ? string.Empty : EmitWhole();
        }

        _waiting.Clear();
        return text;
    }

    public string Finish()
    {
        var text = Encoding.UTF8.GetString(CollectionsMarshal.AsSpan(_waiting));
        _waiting.Clear();
        return text;
    }

    /// <summary>Emits all but the last bytes that may begin a character.</summary>
    private string EmitWhole()
    {
        var bytes = CollectionsMarshal.AsSpan(_waiting);
        var keep = 0;
        for (var length = 1; length <= 3; length++)
        {
            if (Rune.DecodeFromUtf8(bytes[^length..], out _, out _) == System.Buffers.OperationStatus.NeedMoreData)
            {
                keep = length;
            }
        }

        var text = Encoding.UTF8.GetString(bytes[..^keep]);
        _waiting.RemoveRange(0, _waiting.Count - keep);
        return text;
    }
}
