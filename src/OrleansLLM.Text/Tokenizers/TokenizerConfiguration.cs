using System.Globalization;
using System.Text.Json;
using OrleansLLM.Files;

namespace OrleansLLM.Text.Tokenizers;

/// <summary>
/// What a folder's tokenizer_config.json and special_tokens_map.json add to its tokenizer.json: tokens, and whether special tokens in a text
/// are plain text.
/// </summary>
internal sealed class TokenizerConfiguration
{
    public static readonly TokenizerConfiguration Empty = new(null, null);

    private const string ConfigFile = "tokenizer_config.json";

    private const string MapFile = "special_tokens_map.json";

    private static readonly string[] NamedTokens =
        ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

    private static readonly string[] ListedTokens = ["additional_special_tokens", "extra_special_tokens"];

    private readonly TokenizerComponent? _config;
    private readonly TokenizerComponent? _map;

    private TokenizerConfiguration(TokenizerComponent? config, TokenizerComponent? map) => (_config, _map) = (config, map);

    public SpecialTokensInText SpecialTokensInText => _config?.Find("split_special_tokens") is { ValueKind: JsonValueKind.True }
        ? SpecialTokensInText.PlainText
        : SpecialTokensInText.Special;

    /// <exception cref="FileFormatException">A file is no JSON object, or can't be read.</exception>
    public static TokenizerConfiguration Read(FolderFiles folder) => new(Find(folder, ConfigFile), Find(folder, MapFile));

    /// <summary>
    /// As transformers: tokens of added_tokens_decoder are found as it says, whatever tokenizer.json says; named tokens are special; listed ones
    /// are added where the vocabulary has them not yet.
    /// </summary>
    public void AddTo(AddedVocabulary vocabulary)
    {
        foreach (var token in DecoderTokens())
        {
            vocabulary.Change(token);
        }

        foreach (var token in NamedSpecialTokens())
        {
            vocabulary.MakeSpecial(token);
        }

        foreach (var token in ListedSpecialTokens())
        {
            if (!vocabulary.TryGetId(token.Content, out _))
            {
                vocabulary.Add(token);
            }
        }
    }

    private static TokenizerComponent? Find(FolderFiles folder, string name)
    {
        if (!folder.Contains(name))
        {
            return null;
        }

        using var document = folder.ReadJson(name);
        return TokenizerComponent.Of(document.RootElement.Clone(), name);
    }

    /// <summary>added_tokens_decoder: {"id": {content, flags}}, by id.</summary>
    private IEnumerable<AddedToken> DecoderTokens() =>
        _config?.Find("added_tokens_decoder") is { ValueKind: JsonValueKind.Object } tokens
            ? tokens.EnumerateObject()
                .OrderBy(property => int.TryParse(property.Name, NumberStyles.None, CultureInfo.InvariantCulture, out var id) ? id : int.MaxValue)
                .Select(property => DecoderToken(TokenizerComponent.Of(property.Value, $"{ConfigFile}.added_tokens_decoder.{property.Name}")))
            : [];

    /// <summary>Python's default: what is not special is normalized.</summary>
    private static AddedToken DecoderToken(TokenizerComponent component) => AddedToken.Read(component) is var token
        && (token.Has(AddedTokenFlags.Special) || component.Find("normalized") is not null)
        ? token
        : token with { Flags = token.Flags | AddedTokenFlags.Normalized };

    /// <summary>
    /// Those that either file names. Of one that both name, transformers takes that of special_tokens_map.json, but for newer folders, whose
    /// tokenizer_config.json has added_tokens_decoder.
    /// </summary>
    private IEnumerable<AddedToken> NamedSpecialTokens() => NamedTokens
        .Select(name => (Config: Special(_config?.Find(name), ConfigFile), Map: Special(_map?.Find(name), MapFile)))
        .Select(named => _config?.Find("added_tokens_decoder") is null ? named.Map ?? named.Config : named.Config ?? named.Map)
        .OfType<AddedToken>();

    private IEnumerable<AddedToken> ListedSpecialTokens() => ListedTokens.SelectMany(name => Elements(_config?.Find(name)))
        .Select(token => Special(token, ConfigFile))
        .Concat(ListedTokens.SelectMany(name => Elements(_map?.Find(name))).Select(token => Special(token, MapFile)))
        .OfType<AddedToken>();

    private static IEnumerable<JsonElement?> Elements(JsonElement? list) => list?.ValueKind switch
    {
        JsonValueKind.Array => list.Value.EnumerateArray().Select(element => (JsonElement?)element),
        JsonValueKind.Object => list.Value.EnumerateObject().Select(property => (JsonElement?)property.Value),
        _ => [],
    };

    /// <summary>A token given by its text or as {content, flags}.</summary>
    private static AddedToken? Special(JsonElement? element, string file) => element?.ValueKind switch
    {
        JsonValueKind.String => new AddedToken(element.Value.GetString()!, AddedTokenFlags.Special),
        JsonValueKind.Object when AddedToken.Read(new TokenizerComponent(element.Value, file)) is var token =>
            token with { Flags = token.Flags | AddedTokenFlags.Special },
        _ => null,
    };
}
