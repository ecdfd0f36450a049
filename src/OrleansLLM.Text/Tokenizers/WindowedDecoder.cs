using System.Runtime.InteropServices;

namespace OrleansLLM.Text.Tokenizers;

/// <summary>
/// Decodes a stream through any decoder: the ids of the last emitted text and of what came since are decoded together, so that a decoder that
/// treats a first token differently sees the new ones in their place.
/// </summary>
internal abstract class WindowedDecoder(PipelineTokenizer tokenizer, SpecialTokens special) : IStreamDecoder
{
    /// <summary>More waiting ids than this are no character: they go out, whatever they spell.</summary>
    private const int MaxWaiting = 64;

    private readonly List<string> _decoded = [];

    protected List<string> Window { get; } = [];

    /// <summary>What the window's first <see cref="EmittedTokens"/> spell, which went out before.</summary>
    protected string Emitted { get; set; } = string.Empty;

    protected int EmittedTokens { get; set; }

    protected bool IsOverfull => Window.Count - EmittedTokens > MaxWaiting;

    public string Add(int id) => tokenizer.IsShown(id, special) && tokenizer.GetToken(id) is { } token ? Add(token) : string.Empty;

    public string Finish()
    {
        var rest = Fresh(Decode());
        Window.Clear();
        Emitted = string.Empty;
        EmittedTokens = 0;
        return rest;
    }

    /// <summary>Takes a token that is shown into the window; what is certain now.</summary>
    protected abstract string Add(string token);

    /// <summary>
    /// What the window's text holds behind what was emitted. A byte that spoils a run changes what the run's earlier bytes spelt: what went out
    /// stays, and the stream goes on behind it.
    /// </summary>
    protected abstract string Fresh(string text);

    /// <summary>The window's tokens from <paramref name="first"/> on, before <paramref name="next"/> if there is one.</summary>
    protected string Decode(int first = 0, string? next = null)
    {
        _decoded.Clear();
        _decoded.AddRange(CollectionsMarshal.AsSpan(Window)[first..]);
        if (next is not null)
        {
            _decoded.Add(next);
        }

        return tokenizer.DecodeTokens(_decoded);
    }
}
