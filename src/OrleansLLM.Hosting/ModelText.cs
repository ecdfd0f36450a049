using OrleansLLM.Models;
using OrleansLLM.Text;
using OrleansLLM.Text.Tokenizers;

namespace OrleansLLM.Hosting;

/// <summary>The text side of a model: tokenizer and chat template. It needs no weights.</summary>
/// <param name="Template">Null where the model has none.</param>
public sealed record ModelText(TextTokenizer Tokenizer, IChatTemplate? Template)
{
    /// <exception cref="TokenizerException">The tokenizer can't be read, or is not built.</exception>
    public static ModelText Read(ModelFile file)
    {
        var tokenizer = ReadTokenizer(file);
        var (text, tokens) = TemplateSource.Find(file, tokenizer);
        return new ModelText(tokenizer, text is null ? null : Compile(text, tokens));
    }

    /// <exception cref="TokenizerException">The tokenizer can't be read, or is not built.</exception>
    public static TextTokenizer ReadTokenizer(ModelFile file) =>
        file.Gguf is { } gguf ? TokenizerLoader.FromGguf(gguf) : TokenizerLoader.FromFolder(file.Path);

    /// <summary>A template that can't be compiled does not keep the model from completing: chat requests are told why.</summary>
    private static IChatTemplate Compile(string text, IReadOnlyDictionary<string, string> tokens)
    {
        try
        {
            return ChatTemplate.Compile(text, new ChatTemplateTokens(tokens));
        }
        catch (ChatTemplateException error)
        {
            return new RefusedTemplate(error);
        }
    }

    private sealed class RefusedTemplate(ChatTemplateException reason) : IChatTemplate
    {
        public RenderedPrompt Render(ChatInput input) => throw reason;
    }
}
