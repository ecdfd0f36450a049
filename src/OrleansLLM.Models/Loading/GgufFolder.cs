using System.Text.RegularExpressions;
using OrleansLLM.Files;

namespace OrleansLLM.Models.Loading;

/// <summary>Finds the GGUF model in a folder. Such folders often have a config.json too, but no weights that it describes.</summary>
internal static partial class GgufFolder
{
    /// <summary>Its file, or null where the folder is to be read as a Hugging Face folder.</summary>
    /// <exception cref="FileFormatException">Several models, or a folder that can't be read.</exception>
    public static string? Find(string path)
    {
        var folder = new FolderFiles(path);
        if (WeightFiles.HasUsualNames(folder))
        {
            return null;
        }

        var names = folder.NamesEndingIn(".gguf").Where(name => !LaterPart().IsMatch(name)).ToArray();
        return names switch
        {
            [] => null,
            [var only] => Path.Combine(path, only),
            _ => throw new FileFormatException(path, $"holds several models; name one: {string.Join(", ", names)}"),
        };
    }

    [GeneratedRegex(@"-(?!00001-of-)\d{5}-of-\d{5}\.gguf$")]
    private static partial Regex LaterPart();
}
