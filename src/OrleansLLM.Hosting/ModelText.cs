using OrleansLLM.Models;
using OrleansLLM.Text;
using OrleansLLM.Text.Tokenizers;

namespace OrleansLLM.Hosting;

/// <summary>The text side of a model: tokenizer and chat template. It needs no weights.</summary>
/// <param name="Template">Null where the model has none.</param>
public sealed record ModelText(TextTokenizer Tokenizer, IChatTemplate? Template)
{
    /// <exception cref="TokenizerException">The tokenizer can't be read, or is not built.</exception>
    /// <exception cref="ChatTemplateException">The template can't be compiled.</exception>
    public static ModelText Read(ModelFile file)
    {
        return new ModelText(ReadTokenizer(file), null);
    }

    /// <exception cref="TokenizerException">The tokenizer can't be read, or is not built.</exception>
    public static TextTokenizer ReadTokenizer(ModelFile file) =>
        file.Gguf is { } gguf ? TokenizerLoader.FromGguf(gguf) : TokenizerLoader.FromFolder(file.Path);
}
