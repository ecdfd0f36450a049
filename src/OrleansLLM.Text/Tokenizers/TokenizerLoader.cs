using OrleansLLM.Files;
using OrleansLLM.Text.Tokenizers.Gguf;

namespace OrleansLLM.Text.Tokenizers;

/// <summary>Loads the tokenizer of a model.</summary>
public static class TokenizerLoader
{
    /// <summary>Loads a Hugging Face folder's tokenizer.json, with what its tokenizer_config.json adds.</summary>
    /// <exception cref="TokenizerException">A file is missing or malformed, or a part of it is not built.</exception>
    public static TextTokenizer FromFolder(string folder)
    {
        var path = Path.Combine(folder, "tokenizer.json");
        if (!File.Exists(path))
        {
            throw new TokenizerException($"{folder} has no tokenizer.json; other tokenizer files are not built");
        }

        try
        {
            var configuration = Path.Combine(folder, "tokenizer_config.json");
            return TokenizerJson.Read(
                File.ReadAllBytes(path),
                File.Exists(configuration) ? TokenizerConfiguration.Read(File.ReadAllBytes(configuration)) : TokenizerConfiguration.Empty);
        }
        catch (TokenizerException error)
        {
            throw new TokenizerException($"{path}: {error.Message}", error);
        }
        catch (IOException error)
        {
            throw new TokenizerException($"{path} can't be read: {error.Message}", error);
        }
    }

    /// <summary>Loads the vocabulary in a GGUF file's header.</summary>
    /// <exception cref="TokenizerException">The vocabulary is missing or misshapen, or its kind or the way it splits texts is not built.</exception>
    public static TextTokenizer FromGguf(GgufFile file)
    {
        ArgumentNullException.ThrowIfNull(file);
        try
        {
            return GgufTokenizers.Read(file.Metadata);
        }
        catch (Exception error) when (error is TokenizerException or FileFormatException)
        {
            throw new TokenizerException($"{file.Path}: {error.Message}", error);
        }
    }
}
