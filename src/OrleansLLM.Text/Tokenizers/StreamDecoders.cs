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

/// <summary>
/// Decodes a stream through any decoder: the ids of the last emitted text and of what came since are decoded together, so that a decoder that
/// treats a first token differently sees the new ones in their place. Text ending in U+FFFD waits.
/// </summary>
internal sealed class WindowStreamDecoder(PipelineTokenizer tokenizer, SpecialTokens special) : IStreamDecoder
{
    /// <summary>More waiting ids than this are no character: they go out, whatever they spell.</summary>
    private const int MaxWaiting = 64;

    private readonly List<string> _window = [];
    private readonly List<string> _decoded = [];
    private string _emitted = string.Empty;
    private int _emittedTokens;

    public string Add(int id)
    {
        if (!tokenizer.IsShown(id, special) || tokenizer.GetToken(id) is not { } token)
        {
            return string.Empty;
        }

        if (_emitted.Length == 0 && _window.Count > 0)
        {
            Mark();
        }

        _window.Add(token);
        var text = Decode();
        var waits = text.EndsWith('\uFFFD') && _window.Count - _emittedTokens <= MaxWaiting;
        if (text.Length <= _emitted.Length && text.StartsWith(_emitted, StringComparison.Ordinal))
        {
            return string.Empty;
        }

        return waits ? string.Empty : Emit(text);
    }

    public string Finish()
    {
        var rest = Fresh(Decode());
        _window.Clear();
        _emitted = string.Empty;
        _emittedTokens = 0;
        return rest;
    }

    /// <summary>Takes what the window spells as emitted where it was empty before: the marks of a first token.</summary>
    private void Mark()
    {
        var text = Decode();
        if (!text.EndsWith('\uFFFD'))
        {
            _emitted = text;
            _emittedTokens = _window.Count;
        }
    }

    private string Emit(string text)
    {
        var fresh = Fresh(text);
        _window.RemoveRange(0, _emittedTokens);
        _emittedTokens = _window.Count;
        _emitted = Decode();
        return fresh;
    }

    /// <summary>
    /// What the window spells behind what was emitted. A byte that spoils a run changes what the run's earlier bytes spelt: what went out
    /// stays, and the stream goes on behind it.
    /// </summary>
    private string Fresh(string text) => text.StartsWith(_emitted, StringComparison.Ordinal)
        ? text[_emitted.Length..]
        : Decode(_emittedTokens);

    private string Decode(int first = 0)
    {
        _decoded.Clear();
        _decoded.AddRange(CollectionsMarshal.AsSpan(_window)[first..]);
        return tokenizer.DecodeTokens(_decoded);
    }
}
