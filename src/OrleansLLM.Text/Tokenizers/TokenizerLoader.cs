using OrleansLLM.Files;
using OrleansLLM.Text.Tokenizers.Gguf;

namespace OrleansLLM.Text.Tokenizers;

/// <summary>Loads the tokenizer of a model.</summary>
public static class TokenizerLoader
{
    private const string FileName = "tokenizer.json";

    /// <summary>Loads a Hugging Face folder's tokenizer.json, with what its tokenizer_config.json and special_tokens_map.json add.</summary>
    /// <param name="folder">The model's folder.</param>
    /// <param name="maxVocabulary">
    /// Ids that the model has rows for: added tokens beyond them are left out (<see cref="TextTokenizer.LeftOut"/>), all else beyond them is
    /// refused.
    /// </param>
    /// <exception cref="TokenizerException">A file is missing or malformed, or can't be read, or a part of it is not built.</exception>
    public static TextTokenizer FromFolder(string folder, int maxVocabulary = int.MaxValue)
    {
        var path = Path.Combine(folder, FileName);
        try
        {
            var files = new FolderFiles(folder);
            return files.Contains(FileName)
                ? TokenizerJson.Read(files.ReadBytes(FileName), TokenizerConfiguration.Read(files), maxVocabulary)
                : throw new FileFormatException(folder, $"has no {FileName}; other tokenizer files are not built");
        }
        catch (TokenizerException error)
        {
            throw new TokenizerException($"{path}: {error.Message}", error);
        }
        catch (FileFormatException error)
        {
            throw new TokenizerException(error.Message, error);
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
