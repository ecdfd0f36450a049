using System.Text.Json;
using OrleansLLM.Files;
using static System.FormattableString;

namespace OrleansLLM.Hosting;

/// <summary>Where a model keeps its chat template.</summary>
/// <param name="Text">Null where it has none that can be taken.</param>
/// <param name="Problem">Why what it has can't be taken, a sentence with the place.</param>
internal sealed record TemplateSource(string? Text, string? Problem)
{
    private const string TemplateFile = "chat_template.jinja";

    private const string Key = "chat_template";

    private const string GgufKey = "tokenizer.chat_template";

    private const string Default = "default";

    private static readonly TemplateSource None = new(null, null);

    /// <summary>A file of its own, else what tokenizer_config.json holds: a text, or named ones of which one is the default.</summary>
    /// <exception cref="FileFormatException">A file can't be read, or is no JSON object.</exception>
    public static TemplateSource OfFolder(FolderFiles folder)
    {
        if (folder.Contains(TemplateFile))
        {
            return Of(System.Text.Encoding.UTF8.GetString(folder.ReadBytes(TemplateFile)));
        }

        if (!folder.Contains(SpecialTokenNames.ConfigFile))
        {
            return None;
        }

        using var config = folder.ReadJson(SpecialTokenNames.ConfigFile);
        return config.RootElement.TryGetProperty(Key, out var value) ? Of(value, folder.Resolve(SpecialTokenNames.ConfigFile)) : None;
    }

    /// <summary>The key of its own; named ones stand behind it (<c>tokenizer.chat_template.rag</c>), and none of them is the default.</summary>
    public static TemplateSource OfGguf(GgufFile file)
    {
        try
        {
            var named = file.Metadata.Keys.Where(key => key.StartsWith(GgufKey + ".", StringComparison.Ordinal)).ToList();
            return file.Metadata.Text(GgufKey) is { } text ? Of(text)
                : named.Count > 0 ? new(null, NoDefault(file.Path, named, GgufKey))
                : None;
        }
        catch (FileFormatException error)
        {
            return new(null, error.Message);
        }
    }

    private static TemplateSource Of(JsonElement value, string path) => value.ValueKind switch
    {
        JsonValueKind.Null => None,
        JsonValueKind.String => Of(value.GetString()!),
        JsonValueKind.Array => OfNamed([.. value.EnumerateArray().Select((entry, index) => OfEntry(entry, index))], path),
        JsonValueKind.Object => OfNamed([.. value.EnumerateObject().Select(entry => OfEntry(entry))], path),
        _ => new(null, $"{path}: {Key} is a JSON {value.ValueKind}; it must be a text, or a list of objects with a name and a template"),
    };

    private static Entry OfEntry(JsonElement entry, int index) => entry.ValueKind == JsonValueKind.Object
        && entry.TryGetProperty("name", out var name) && name.ValueKind == JsonValueKind.String
        && entry.TryGetProperty("template", out var template) && template.ValueKind == JsonValueKind.String
        ? new(name.GetString()!, template.GetString(), Invariant($"{Key}[{index}]"))
        : new(null, null, FormattableString.Invariant($"{Key}[{index}]"));

    private static Entry OfEntry(JsonProperty entry) =>
        new(entry.Name, entry.Value.ValueKind == JsonValueKind.String ? entry.Value.GetString() : null, $"{Key}.{entry.Name}");

    /// <summary>Of several with one name, the last counts, as in transformers.</summary>
    private static TemplateSource OfNamed(IReadOnlyList<Entry> entries, string path)
    {
        if (entries.Count == 0)
        {
            return None;
        }

        if (entries.LastOrDefault(entry => entry is { Name: Default, Template: not null }) is { Template: { } text })
        {
            return Of(text);
        }

        return entries.FirstOrDefault(entry => entry.Template is null) is { } misshapen
            ? new(null, $"{path}: {misshapen.Place} has no name and template that are both texts")
            : new(null, NoDefault(path, entries.Select(entry => entry.Name!), Default));
    }

    private static TemplateSource Of(string text) => string.IsNullOrWhiteSpace(text) ? None : new(text, null);

    private static string NoDefault(string path, IEnumerable<string> names, string standard) =>
        $"{path}: of its chat templates ({string.Join(", ", names)}) none is the default; call one \"{standard}\", or save it as {TemplateFile} in the model's folder";

    /// <param name="Name">Null where it is misshapen.</param>
    /// <param name="Template">Null where it is misshapen.</param>
    /// <param name="Place">In its file.</param>
    private sealed record Entry(string? Name, string? Template, string Place);
}
