using System.Runtime.InteropServices;

namespace OrleansLLM.Text.Tokenizers;

/// <summary>
/// Decodes a stream through a decoder for which a token spells something else as the last one: each waits for the next, and only then goes out
/// as what it spells before others. Text ending in U+FFFD waits longer, also where the decoder puts spaces behind it.
/// </summary>
internal sealed class HoldingStreamDecoder(PipelineTokenizer tokenizer, SpecialTokens special) : IStreamDecoder
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

        var fresh = Advance();
        _window.Add(token);
        return fresh;
    }

    public string Finish()
    {
        var rest = Behind(Decode(next: null));
        _window.Clear();
        _emitted = string.Empty;
        _emittedTokens = 0;
        return rest;
    }

    /// <summary>What is certain now that another token comes.</summary>
    private string Advance()
    {
        if (_window.Count - _emittedTokens > MaxWaiting)
        {
            return Finish();
        }

        var text = BeforeOthers();
        if (text.Length <= _emitted.Length || text.TrimEnd(' ').EndsWith('\uFFFD'))
        {
            return string.Empty;
        }

        var fresh = Behind(text);
        _window.RemoveRange(0, _emittedTokens);
        _emittedTokens = _window.Count;
        _emitted = BeforeOthers();
        return fresh;
    }

    /// <summary>A byte that spoils a run changes what the run's earlier bytes spelt: what went out stays.</summary>
    private string Behind(string text) => text[Math.Min(text.Length, _emitted.Length)..];

    /// <summary>
    /// What the window spells whatever follows: what it has in common before two tokens that have nothing in common, one of which goes on with a
    /// run of bytes.
    /// </summary>
    private string BeforeOthers()
    {
        var (one, other) = (Decode("b"), Decode("<0x61>"));
        return one[..one.AsSpan().CommonPrefixLength(other)];
    }

    private string Decode(string? next)
    {
        _decoded.Clear();
        _decoded.AddRange(CollectionsMarshal.AsSpan(_window));
        if (next is not null)
        {
            _decoded.Add(next);
        }

        return tokenizer.DecodeTokens(_decoded);
    }
}
