namespace OrleansLLM.Text.Tokenizers;

/// <summary>
/// Decodes a stream through a decoder for which a token spells something else as the last one: each waits for the next, and only then goes out
/// as what it spells before others. Text ending in U+FFFD waits longer, also where the decoder puts spaces behind it.
/// </summary>
internal sealed class HoldingStreamDecoder(PipelineTokenizer tokenizer, SpecialTokens special) : WindowedDecoder(tokenizer, special)
{
    protected override string Add(string token)
    {
        var fresh = Advance();
        Window.Add(token);
        return fresh;
    }

    protected override string Fresh(string text) => text[Math.Min(text.Length, Emitted.Length)..];

    /// <summary>What is certain now that another token comes.</summary>
    private string Advance()
    {
        if (IsOverfull)
        {
            return Finish();
        }

        var text = BeforeOthers();
        if (text.Length <= Emitted.Length || text.TrimEnd(' ').EndsWith('\uFFFD'))
        {
            return string.Empty;
        }

        var fresh = Fresh(text);
        Window.RemoveRange(0, EmittedTokens);
        EmittedTokens = Window.Count;
        Emitted = BeforeOthers();
        return fresh;
    }

    /// <summary>
    /// What the window spells whatever follows: what it has in common before two tokens that have nothing in common, one of which goes on with a
    /// run of bytes.
    /// </summary>
    private string BeforeOthers()
    {
        var (one, other) = (Decode(next: "b"), Decode(next: "<0x61>"));
        return one[..one.AsSpan().CommonPrefixLength(other)];
    }
}
