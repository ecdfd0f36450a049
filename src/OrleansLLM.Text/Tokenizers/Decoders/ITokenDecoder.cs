namespace OrleansLLM.Text.Tokenizers.Decoders;

/// <summary>Turns the vocabulary's strings into readable text, one step of a chain. Thread-safe.</summary>
internal interface ITokenDecoder
{
    /// <summary>Whether a token may begin otherwise as the last than before others: then a stream has to wait for the next one.</summary>
    bool TellsLastApart => false;

    /// <summary>Rewrites the list; in the end its strings are joined.</summary>
    void Decode(List<string> tokens);
}

/// <summary>The kinds of a tokenizer.json's <c>decoder</c>. To add one, write its class and a row.</summary>
internal static class TokenDecoderKinds
{
    private static readonly Dictionary<string, Func<TokenizerComponent, ITokenDecoder>> Kinds = new(StringComparer.Ordinal)
    {
        ["BPEDecoder"] = component => new SuffixDecoder(component.OptionalString("suffix") ?? "</w>"),
        ["ByteFallback"] = _ => new ByteFallbackDecoder(),
        ["ByteLevel"] = _ => new ByteLevelDecoder(),
        ["CTC"] = component => new CtcDecoder(component.String("pad_token"), component.String("word_delimiter_token"),
            component.Boolean("cleanup") ? Cleanup.English : Cleanup.None),
        ["Fuse"] = _ => new FuseDecoder(),
        ["Metaspace"] = component => new MetaspaceDecoder(component.Character("replacement"),
            PreTokenizers.MetaspacePreTokenizer.ReadScheme(component)),
        ["Replace"] = component => new ReplaceDecoder(component.Pattern("pattern"), component.String("content")),
        ["Sequence"] = component => new DecoderSequence([.. component.Children("decoders").Select(Read)]),
        ["Strip"] = component => new StripDecoder(component.Character("content"), component.Integer("start"), component.Integer("stop")),
        ["WordPiece"] = component => new WordPieceDecoder(component.String("prefix"),
            component.Boolean("cleanup") ? Cleanup.English : Cleanup.None),
    };

    public static IReadOnlyCollection<string> Names => Kinds.Keys;

    /// <exception cref="TokenizerException">The kind is not built, or its settings are malformed.</exception>
    public static ITokenDecoder Read(TokenizerComponent component) => component.Build("decoder", Kinds);
}

internal sealed class DecoderSequence(IReadOnlyList<ITokenDecoder> decoders) : ITokenDecoder
{
    public bool TellsLastApart => decoders.Any(decoder => decoder.TellsLastApart);

    public void Decode(List<string> tokens)
    {
        foreach (var decoder in decoders)
        {
            decoder.Decode(tokens);
        }
    }
}

/// <summary>What a tokenizer without a decoder does: a space between tokens.</summary>
internal sealed class SpacedDecoder : ITokenDecoder
{
    public void Decode(List<string> tokens)
    {
        for (var i = 1; i < tokens.Count; i++)
        {
            tokens[i] = ' ' + tokens[i];
        }
    }
}
