using System.Globalization;
using System.Text.Json;
using OrleansLLM.Files;
using OrleansLLM.Text.Tokenizers.Decoders;
using OrleansLLM.Text.Tokenizers.Models;
using OrleansLLM.Text.Tokenizers.Normalizers;
using OrleansLLM.Text.Tokenizers.PostProcessors;
using OrleansLLM.Text.Tokenizers.PreTokenizers;
using static System.FormattableString;

namespace OrleansLLM.Text.Tokenizers;

/// <summary>
/// Reads a tokenizer.json of Hugging Face's tokenizers. The long lists of the model are read in place, one string at a time; all else is small.
/// <c>truncation</c> and <c>padding</c> are an encoder's batches and are ignored.
/// </summary>
internal static class TokenizerJson
{
    /// <summary>Reads a file's bytes.</summary>
    /// <param name="json">UTF-8, with or without a byte order mark.</param>
    /// <param name="configuration">What the folder's other files add.</param>
    /// <param name="maxVocabulary">Ids that the model has rows for.</param>
    /// <exception cref="TokenizerException">The file is malformed, or a part of it is not built.</exception>
    public static PipelineTokenizer Read(ReadOnlyMemory<byte> json, TokenizerConfiguration configuration, int maxVocabulary = int.MaxValue)
    {
        try
        {
            return PythonJson.Parse(json, readable => Build(Sections.Read(readable), configuration, maxVocabulary));
        }
        catch (JsonException error)
        {
            throw new TokenizerException($"tokenizer.json is no valid JSON: {error.Message}", error);
        }
        catch (InvalidOperationException error)
        {
            throw new TokenizerException($"tokenizer.json holds text that is no valid Unicode: {error.Message}", error);
        }
    }

    private static PipelineTokenizer Build(Sections sections, TokenizerConfiguration configuration, int maxVocabulary)
    {
        var model = TokenModelKinds.Read(sections.Model);
        var last = model.Vocabulary.Size - 1;
        if (last >= maxVocabulary)
        {
            throw Beyond(string.Create(CultureInfo.InvariantCulture, $"the model's vocabulary has the token '{model.Vocabulary.Find(last)}' with the id {last}"), maxVocabulary);
        }

        var normalizer = sections.Read("normalizer", NormalizerKinds.Read);
        var added = new AddedVocabulary(model.Vocabulary, normalizer, maxVocabulary);
        foreach (var token in sections.AddedTokens())
        {
            added.Add(token);
        }

        configuration.AddTo(added);
        added.Seal();
        var tokenizer = new PipelineTokenizer(new TokenizerParts(model, added)
        {
            Normalizer = normalizer,
            PreTokenizer = sections.Read("pre_tokenizer", PreTokenizerKinds.Read),
            PostProcessor = sections.Read("post_processor", PostProcessorKinds.Read),
            Decoder = sections.Read("decoder", TokenDecoderKinds.Read) ?? new SpacedDecoder(),
            SpecialTokensInText = configuration.SpecialTokensInText,
        });
        var beyond = tokenizer.Encode("", [], AddedTokens.PostProcessor).FirstOrDefault(id => id >= maxVocabulary, -1);
        return beyond < 0 ? tokenizer : throw Beyond(Invariant($"the post_processor adds a token with the id {beyond} to every text"), maxVocabulary);
    }

    private static TokenizerException Beyond(string what, int maxVocabulary) => new(
        Invariant($"{what}, but the model's ids go from 0 to {maxVocabulary - 1}: the tokenizer is another model's, or the model was not resized for it"));

    /// <summary>The file's top-level keys.</summary>
    private sealed class Sections
    {
        private readonly Dictionary<string, JsonElement> _small = new(StringComparer.Ordinal);

        public ModelSection Model { get; private set; } = null!;

        public static Sections Read(ReadOnlyMemory<byte> json)
        {
            var sections = new Sections();
            var reader = new Utf8JsonReader(json.Span);
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            {
                throw new TokenizerException("tokenizer.json is no JSON object");
            }

            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var name = reader.GetString()!;
                reader.Read();
                if (name == "model" && reader.TokenType == JsonTokenType.StartObject)
                {
                    sections.Model = ReadModel(json, ref reader);
                }
                else
                {
                    sections._small[name] = JsonElement.ParseValue(ref reader);
                }
            }

            return sections.Model is null ? throw new TokenizerException("tokenizer.json has no 'model'") : sections;
        }

        public T? Read<T>(string name, Func<TokenizerComponent, T> read)
            where T : class => _small.TryGetValue(name, out var element) && element.ValueKind != JsonValueKind.Null
            ? read(TokenizerComponent.Of(element, name))
            : null;

        public IEnumerable<AddedToken> AddedTokens() => _small.TryGetValue("added_tokens", out var list) && list.ValueKind != JsonValueKind.Null
            ? list.ValueKind == JsonValueKind.Array
                ? list.EnumerateArray().Select((element, index) => AddedToken.Read(TokenizerComponent.Of(element, Invariant($"added_tokens[{index}]"))))
                : throw new TokenizerException("added_tokens is no list")
            : [];

        private static ModelSection ReadModel(ReadOnlyMemory<byte> json, ref Utf8JsonReader reader)
        {
            var settings = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
            ReadOnlyMemory<byte> vocabulary = default;
            ReadOnlyMemory<byte> merges = default;
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var name = reader.GetString()!;
                reader.Read();
                if (name is "vocab" or "merges")
                {
                    var start = (int)reader.TokenStartIndex;
                    reader.Skip();
                    var bytes = json[start..(int)reader.BytesConsumed];
                    (vocabulary, merges) = name == "vocab" ? (bytes, merges) : (vocabulary, bytes);
                }
                else
                {
                    settings[name] = JsonElement.ParseValue(ref reader);
                }
            }

            var kind = settings.TryGetValue("type", out var type) && type.ValueKind == JsonValueKind.String ? type.GetString()! : "BPE";
            return vocabulary.IsEmpty
                ? throw new TokenizerException("the model of tokenizer.json has no 'vocab'")
                : new ModelSection(kind, settings, vocabulary, merges);
        }
    }
}
