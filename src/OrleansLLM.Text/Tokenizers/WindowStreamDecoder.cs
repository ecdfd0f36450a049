namespace OrleansLLM.Text.Tokenizers;

/// <summary>Decodes a stream through a decoder for which a token spells the same whatever follows. Text ending in U+FFFD waits.</summary>
internal sealed class WindowStreamDecoder(PipelineTokenizer tokenizer, SpecialTokens special) : WindowedDecoder(tokenizer, special)
{
    protected override string Add(string token)
    {
        if (Emitted.Length == 0 && Window.Count > 0)
        {
            Mark();
        }

        Window.Add(token);
        var text = Decode();
        var waits = text.EndsWith('\uFFFD') && !IsOverfull;
        if (text.Length <= Emitted.Length && text.StartsWith(Emitted, StringComparison.Ordinal))
        {
            return string.Empty;
        }

        return waits ? string.Empty : Emit(text);
    }

    protected override string Fresh(string text) => text.StartsWith(Emitted, StringComparison.Ordinal)
        ? text[Emitted.Length..]
        : Decode(EmittedTokens);

    /// <summary>Takes what the window spells as emitted where it was empty before: the marks of a first token.</summary>
    private void Mark()
    {
        var text = Decode();
        if (!text.EndsWith('\uFFFD'))
        {
            Emitted = text;
            EmittedTokens = Window.Count;
        }
    }

    private string Emit(string text)
    {
        var fresh = Fresh(text);
        Window.RemoveRange(0, EmittedTokens);
        EmittedTokens = Window.Count;
        Emitted = Decode();
        return fresh;
    }
}
