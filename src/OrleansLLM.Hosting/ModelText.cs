using OrleansLLM.Files;
using OrleansLLM.Models;
using OrleansLLM.Text;
using OrleansLLM.Text.Tokenizers;

namespace OrleansLLM.Hosting;

/// <summary>The text side of a model: tokenizer and chat template, and what ends an answer. It needs no weights.</summary>
/// <param name="Template">Null where the model has none.</param>
public sealed record ModelText(TextTokenizer Tokenizer, IChatTemplate? Template)
{
    /// <summary>More than any model has, and so few that a request's own fit beside them.</summary>
    private const int MaxEndTokens = 256;

    private const string GgufPrefix = "tokenizer.ggml.";

    private static readonly (string Name, string Key)[] GgufTokens =
        [("bos_token", "bos_token_id"), ("eos_token", "eos_token_id"), ("unk_token", "unknown_token_id"), ("pad_token", "padding_token_id")];

    /// <summary>Ids that end an answer, by the rule of <see cref="Hosting.EndTokens"/>.</summary>
    public IReadOnlyList<int> EndTokens { get; init; } = [];

    /// <summary>Sentences for the log: what the model's files say and can't be, so that it was left out.</summary>
    public IReadOnlyList<string> LeftOut { get; init; } = [];

    /// <exception cref="TokenizerException">The tokenizer can't be read, is not built, or is another model's.</exception>
    /// <exception cref="FileFormatException">Another of its files can't be read, or too many tokens end an answer.</exception>
    public static ModelText Read(ModelFile file)
    {
        var tokenizer = ReadTokenizer(file);
        var text = file.Gguf is { } gguf ? OfGguf(gguf, file, tokenizer) : OfFolder(new FolderFiles(file.Path), file, tokenizer);
        return text.EndTokens.Count <= MaxEndTokens ? text : throw new FileFormatException(
            file.Path, $"names {text.EndTokens.Count} tokens that end an answer; at most {MaxEndTokens} can");
    }

    /// <exception cref="TokenizerException">The tokenizer can't be read, is not built, or is another model's.</exception>
    public static TextTokenizer ReadTokenizer(ModelFile file) =>
        file.Gguf is { } gguf ? TokenizerLoader.FromGguf(gguf) : TokenizerLoader.FromFolder(file.Path, file.VocabularySize);

    private static ModelText OfFolder(FolderFiles folder, ModelFile file, TextTokenizer tokenizer)
    {
        var names = SpecialTokenNames.Read(folder);
        var ends = Hosting.EndTokens.Find(file.Generation.EndIds, names.Ends, tokenizer);
        var template = Compile(TemplateSource.OfFolder(folder), names.Tokens);
        return new ModelText(tokenizer, template)
        {
            EndTokens = ends.Ids,
            LeftOut = [.. file.Generation.LeftOut, .. tokenizer.LeftOut, .. ends.LeftOut, .. Problem(template)],
        };
    }

    private static ModelText OfGguf(GgufFile gguf, ModelFile file, TextTokenizer tokenizer)
    {
        var tokens = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, key) in GgufTokens)
        {
            if (gguf.Metadata.TokenId(GgufPrefix + key, file.VocabularySize) is { } id && tokenizer.GetToken(id) is { } token)
            {
                tokens[name] = token;
            }
        }

        var template = Compile(TemplateSource.OfGguf(gguf), tokens);
        return new ModelText(tokenizer, template)
        {
            EndTokens = file.Generation.EndIds,
            LeftOut = [.. Outside(gguf, file.VocabularySize), .. Problem(template)],
        };
    }

    /// <summary>Keys of ids that name none of the model's. -1, which is written as the largest of 32 bits, says that there is none.</summary>
    private static IEnumerable<string> Outside(GgufFile file, int vocabularySize) => file.Metadata.Keys
        .Where(key => key.StartsWith(GgufPrefix, StringComparison.Ordinal) && key.EndsWith("_token_id", StringComparison.Ordinal))
        .Where(key => file.Metadata.Integer(key) is not (-1 or uint.MaxValue) && file.Metadata.TokenId(key, vocabularySize) is null)
        .Select(key => FormattableString.Invariant(
            $"{file.Path}: {key} is {file.Metadata.Integer(key)}, but the model's ids go from 0 to {vocabularySize - 1}: it is left out."));

    private static IEnumerable<string> Problem(IChatTemplate? template) =>
        template is RefusedTemplate { Reason.Message: var reason } ? [$"Chat requests are refused: {reason}."] : [];

    /// <summary>A template that can't be taken or compiled does not keep the model from completing: chat requests are told why.</summary>
    private static IChatTemplate? Compile(TemplateSource source, IReadOnlyDictionary<string, string> tokens)
    {
        try
        {
            return source.Problem is { } problem ? new RefusedTemplate(new ChatTemplateException(problem))
                : source.Text is { } text ? ChatTemplate.Compile(text, new ChatTemplateTokens(tokens))
                : null;
        }
        catch (ChatTemplateException error)
        {
            return new RefusedTemplate(error);
        }
    }

    private sealed class RefusedTemplate(ChatTemplateException reason) : IChatTemplate
    {
        public ChatTemplateException Reason { get; } = reason;

        public RenderedPrompt Render(ChatInput input) => throw Reason;
    }
}
