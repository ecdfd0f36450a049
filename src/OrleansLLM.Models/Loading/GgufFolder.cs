using System.Text.RegularExpressions;
using OrleansLLM.Files;

namespace OrleansLLM.Models.Loading;

/// <summary>Finds the GGUF model in a folder. Such folders often have a config.json too, but no weights that it describes.</summary>
internal static partial class GgufFolder
{
    private static readonly string[] Weights = [SafetensorsFolder.SingleName, SafetensorsFolder.IndexName];

    /// <summary>Its file, or null where the folder is to be read as a Hugging Face folder.</summary>
    /// <exception cref="FileFormatException">Several models.</exception>
    public static string? Find(string folder)
    {
        if (Array.Exists(Weights, name => File.Exists(Path.Combine(folder, name))))
        {
            return null;
        }

        var files = Directory.GetFiles(folder, "*.gguf").Where(file => !LaterPart().IsMatch(file)).Order(StringComparer.Ordinal).ToArray();
        return files switch
        {
            [] => null,
            [var only] => only,
            _ => throw new FileFormatException(folder, $"holds several models; name one: {string.Join(", ", files.Select(Path.GetFileName))}"),
        };
    }

    [GeneratedRegex(@"-(?!00001-of-)\d{5}-of-\d{5}\.gguf$")]
    private static partial Regex LaterPart();
}
