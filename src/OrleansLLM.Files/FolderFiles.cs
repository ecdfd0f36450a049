using System.Text.Json;
using System.Text.Unicode;

namespace OrleansLLM.Files;

/// <summary>
/// Reads a model folder's own files and nothing else: names that lead out of it are refused, also as links. The one exception is the
/// hub cache's layout, where files of <c>snapshots/x</c> are links into <c>blobs</c> beside <c>snapshots</c>.
/// </summary>
public sealed class FolderFiles
{
    /// <summary>The most bytes that a JSON or text file may have.</summary>
    public const int MaxTextBytes = 256 << 20;

    private const int MaxDepth = 64;

    private readonly string[] _allowed;

    public FolderFiles(string path)
    {
        Path = path;
        var real = System.IO.Path.GetFullPath(Directory.ResolveLinkTarget(path, true)?.FullName ?? path);
        var parent = System.IO.Path.GetDirectoryName(System.IO.Path.TrimEndingDirectorySeparator(real));
        _allowed = System.IO.Path.GetFileName(parent) == "snapshots"
            ? [real, System.IO.Path.Combine(System.IO.Path.GetDirectoryName(parent)!, "blobs")]
            : [real];
    }

    public string Path { get; }

    public bool Contains(string name) => File.Exists(System.IO.Path.Combine(Path, name));

    /// <summary>The path of a file in this folder, which may not be there.</summary>
    /// <exception cref="FileFormatException">The name leads out of the folder.</exception>
    public string Resolve(string name)
    {
        var path = System.IO.Path.Combine(Path, name);
        if (name.Length == 0 || name is "." or ".." || name.AsSpan().IndexOfAny("/\\:\0") >= 0)
        {
            throw new FileFormatException(Path, $"it names the file \"{name}\"; only plain names of files in the same folder are allowed");
        }

        try
        {
            var target = File.ResolveLinkTarget(path, true);
            return target is null || _allowed.Contains(System.IO.Path.GetDirectoryName(target.FullName))
                ? path
                : throw new FileFormatException(path, "it is a link that leads out of the model's folder; put the file itself there");
        }
        catch (IOException error)
        {
            throw new FileFormatException(path, $"can't be read ({error.Message})", error);
        }
    }

    /// <summary>The bytes of a small file.</summary>
    /// <exception cref="FileFormatException">It is not there, too large or can't be read.</exception>
    public byte[] ReadBytes(string name)
    {
        var path = Resolve(name);
        try
        {
            var length = new FileInfo(path).Length;
            return length > MaxTextBytes
                ? throw new FileFormatException(path, $"{length} bytes are too many; at most {MaxTextBytes} are read")
                : File.ReadAllBytes(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new FileFormatException(path, $"can't be read ({error.Message})", error);
        }
    }

    /// <summary>A JSON object; nesting is limited to 64.</summary>
    /// <exception cref="FileFormatException">It is not there, or no JSON object.</exception>
    public JsonDocument ReadJson(string name)
    {
        var bytes = ReadBytes(name);
        try
        {
            RequireText(bytes);
            var document = JsonDocument.Parse(bytes, new JsonDocumentOptions { MaxDepth = MaxDepth });
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? document
                : throw new FileFormatException(Resolve(name), $"is a JSON {document.RootElement.ValueKind}, an object is needed");
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw new FileFormatException(Resolve(name), $"is not sound JSON ({error.Message})", error);
        }
    }

    /// <summary>The parser reads strings when they are asked for, so bytes and escapes that are no text are found here.</summary>
    private static void RequireText(byte[] bytes)
    {
        if (!Utf8.IsValid(bytes))
        {
            throw new JsonException("it is not UTF-8");
        }

        var reader = new Utf8JsonReader(bytes, new JsonReaderOptions { MaxDepth = MaxDepth });
        while (reader.Read())
        {
            if (reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName && reader.ValueIsEscaped)
            {
                _ = reader.GetString();
            }
        }
    }
}
