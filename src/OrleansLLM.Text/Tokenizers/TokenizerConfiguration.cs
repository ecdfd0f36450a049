using System.Text.Json;

namespace OrleansLLM.Text.Tokenizers;

/// <summary>What a folder's tokenizer_config.json adds to its tokenizer.json: tokens, and whether special tokens in a text are plain text.</summary>
internal sealed class TokenizerConfiguration
{
    public static readonly TokenizerConfiguration Empty = new(null);

    private static readonly string[] NamedTokens =
        ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

    private readonly TokenizerComponent? _root;

    private TokenizerConfiguration(TokenizerComponent? root) => _root = root;

    public SpecialTokensInText SpecialTokensInText => _root?.Find("split_special_tokens") is { ValueKind: JsonValueKind.True }
        ? SpecialTokensInText.PlainText
        : SpecialTokensInText.Special;

    /// <exception cref="TokenizerException">The file is no JSON object.</exception>
    public static TokenizerConfiguration Read(ReadOnlySpan<byte> json)
    {
        try
        {
            var reader = new Utf8JsonReader(json.StartsWith("\uFEFF"u8) ? json[3..] : json);
            return new TokenizerConfiguration(TokenizerComponent.Of(JsonElement.ParseValue(ref reader), "tokenizer_config.json"));
        }
        catch (JsonException error)
        {
            throw new TokenizerException($"tokenizer_config.json is no valid JSON: {error.Message}", error);
        }
    }

    /// <summary>Adds the tokens that the vocabulary has not yet.</summary>
    public void AddTo(AddedVocabulary vocabulary)
    {
        if (_root is not { } root)
        {
            return;
        }

        foreach (var token in DecoderTokens(root).Concat(SpecialTokens(root)))
        {
            if (!vocabulary.TryGetId(token.Content, out _))
            {
                vocabulary.Add(token);
            }
        }
    }

    /// <summary>added_tokens_decoder: {"id": {content, flags}}, by id.</summary>
    private static IEnumerable<AddedToken> DecoderTokens(TokenizerComponent root) =>
        root.Find("added_tokens_decoder") is { ValueKind: JsonValueKind.Object } tokens
            ? tokens.EnumerateObject()
                .OrderBy(property => int.TryParse(property.Name, out var id) ? id : int.MaxValue)
                .Select(property => AddedToken.Read(TokenizerComponent.Of(property.Value, $"tokenizer_config.json.added_tokens_decoder.{property.Name}")))
            : [];

    private static IEnumerable<AddedToken> SpecialTokens(TokenizerComponent root) => NamedTokens.Select(name => root.Find(name))
        .Concat(Elements(root.Find("additional_special_tokens")))
        .Concat(Elements(root.Find("extra_special_tokens")))
        .Select(Special)
        .OfType<AddedToken>();

    private static IEnumerable<JsonElement?> Elements(JsonElement? list) => list?.ValueKind switch
    {
        JsonValueKind.Array => list.Value.EnumerateArray().Select(element => (JsonElement?)element),
        JsonValueKind.Object => list.Value.EnumerateObject().Select(property => (JsonElement?)property.Value),
        _ => [],
    };

    /// <summary>A token given by its text or as {content, flags}.</summary>
    private static AddedToken? Special(JsonElement? element) => element?.ValueKind switch
    {
        JsonValueKind.String => new AddedToken(element.Value.GetString()!, AddedTokenFlags.Special),
        JsonValueKind.Object when AddedToken.Read(new TokenizerComponent(element.Value, "tokenizer_config.json")) is var token =>
            token with { Flags = token.Flags | AddedTokenFlags.Special },
        _ => null,
    };
}
