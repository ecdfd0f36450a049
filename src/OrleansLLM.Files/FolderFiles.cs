using System.Text.Json;
using System.Text.Unicode;
using static System.FormattableString;

namespace OrleansLLM.Files;

/// <summary>
/// Reads a model folder's own files and nothing else: names that lead out of it are refused, and so are links to what lies elsewhere. A file
/// is judged by where it really lies, however the folder was reached: links to the folder or to one of its parents, links inside it (a
/// mounted volume's <c>..data</c> among them), and the hub cache's layout, where files of <c>snapshots/x</c>, at any depth, are links into
/// <c>blobs</c> beside <c>snapshots</c>. Older downloads into a folder of one's own (<c>local_dir</c>) link to blobs, too, wherever the cache is:
/// a link that names such a blob is taken, since the name is the hash of what it holds, and whoever wrote the link knew that.
/// </summary>
public sealed class FolderFiles
{
    /// <summary>The most bytes that a JSON or text file may have.</summary>
    public const int MaxTextBytes = 512 << 20;

    private const int MaxDepth = 64;

    /// <summary>Where its files may really lie, each with a separator at its end.</summary>
    private readonly string[] _allowed;

    /// <exception cref="FileFormatException">The path's links lead in a circle.</exception>
    public FolderFiles(string path)
    {
        Path = path;
        var real = RealPath.Of(path);
        _allowed = BlobsOf(real) is { } blobs ? [Within(real), Within(RealPath.Of(blobs))] : [Within(real)];
    }

    public string Path { get; }

    /// <summary>Whether there is such a file, or a link of that name, which may lead nowhere.</summary>
    public bool Contains(string name)
    {
        var path = System.IO.Path.Combine(Path, name);
        return File.Exists(path) || RealPath.TargetOf(path) is not null;
    }

    /// <summary>The names of its files that end so, in order; hidden ones (what macOS keeps beside files, among them) do not count.</summary>
    /// <exception cref="FileFormatException">The folder can't be read.</exception>
    public IReadOnlyList<string> NamesEndingIn(string ending)
    {
        try
        {
            return [.. Directory.EnumerateFiles(Path)
                .Select(file => System.IO.Path.GetFileName(file))
                .Where(name => name.EndsWith(ending, StringComparison.Ordinal) && !name.StartsWith('.'))
                .Order(StringComparer.Ordinal)];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new FileFormatException(Path, $"can't be read ({error.Message})", error);
        }
    }

    /// <summary>The path of a file in this folder, which may not be there.</summary>
    /// <exception cref="FileFormatException">The name leads out of the folder, or a link of that name does or leads nowhere.</exception>
    public string Resolve(string name)
    {
        var path = System.IO.Path.Combine(Path, name);
        if (name.Length == 0 || name is "." or ".." || name.AsSpan().IndexOfAny("/\\:\0") >= 0)
        {
            throw new FileFormatException(Path, $"it names the file \"{name}\"; only plain names of files in the same folder are allowed");
        }

        var real = RealPath.Of(path);
        var target = RealPath.TargetOf(path);
        if (!Array.Exists(_allowed, folder => real.StartsWith(folder, StringComparison.Ordinal)) && !NamesBlob(target, real))
        {
            throw new FileFormatException(path, "it is a link that leads out of the model's folder; put the file itself there");
        }

        return target is not null && !System.IO.Path.Exists(real)
            ? throw new FileFormatException(path, $"it is a link to {target}, which is not there; put the file there, or copy the model with what its links lead to")
            : path;
    }

    /// <summary>The bytes of a small file.</summary>
    /// <exception cref="FileFormatException">It is not there, too large or can't be read.</exception>
    public byte[] ReadBytes(string name)
    {
        var path = Resolve(name);
        try
        {
            var length = new FileInfo(path).Length;
            var bytes = length > MaxTextBytes
                ? throw new FileFormatException(path, Invariant($"{length} bytes are too many; at most {MaxTextBytes} are read"))
                : File.ReadAllBytes(path);
            PointerFiles.Refuse(path, bytes);
            return bytes;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new FileFormatException(path, $"can't be read ({error.Message})", error);
        }
    }

    /// <summary>A JSON object as Python writes it (<see cref="PythonJson"/>); nesting is limited to 64.</summary>
    /// <exception cref="FileFormatException">It is not there, or no JSON object.</exception>
    public JsonDocument ReadJson(string name)
    {
        var bytes = ReadBytes(name);
        try
        {
            var document = PythonJson.Parse(bytes, Parse);
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? document
                : throw new FileFormatException(Resolve(name), $"is a JSON {document.RootElement.ValueKind}, an object is needed");
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw new FileFormatException(Resolve(name), $"is not sound JSON ({error.Message})", error);
        }
    }

    /// <summary>The blobs of the hub's cache beside the snapshot that a folder is or lies in; null where it lies in none.</summary>
    private static string? BlobsOf(string folder)
    {
        for (var above = System.IO.Path.GetDirectoryName(folder); above is not null; above = System.IO.Path.GetDirectoryName(above))
        {
            if (System.IO.Path.GetFileName(above) == "snapshots")
            {
                return System.IO.Path.Combine(System.IO.Path.GetDirectoryName(above)!, "blobs");
            }
        }

        return null;
    }

    /// <summary>Whether a link names the hash by which the hub's cache keeps the file where it ends (<c>models--me--atlas/blobs/9f86d0...</c>).</summary>
    private static bool NamesBlob(string? target, string real)
    {
        var (name, blobs) = (System.IO.Path.GetFileName(real), System.IO.Path.GetDirectoryName(real));
        return name.Length is 40 or 64 && name.All(char.IsAsciiHexDigitLower) && System.IO.Path.GetFileName(target) == name
            && System.IO.Path.GetFileName(blobs) == "blobs"
            && System.IO.Path.GetFileName(System.IO.Path.GetDirectoryName(blobs))?.StartsWith("models--", StringComparison.Ordinal) == true;
    }

    private static string Within(string folder) =>
        System.IO.Path.EndsInDirectorySeparator(folder) ? folder : folder + System.IO.Path.DirectorySeparatorChar;

    private static JsonDocument Parse(ReadOnlyMemory<byte> json)
    {
        RequireText(json.Span);
        return JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = MaxDepth });
    }

    /// <summary>The parser reads strings when they are asked for, so bytes and escapes that are no text are found here.</summary>
    private static void RequireText(ReadOnlySpan<byte> json)
    {
        if (!Utf8.IsValid(json))
        {
            throw new JsonException("it is not UTF-8");
        }

        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = MaxDepth });
        while (reader.Read())
        {
            if (reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName && reader.ValueIsEscaped)
            {
                _ = reader.GetString();
            }
        }
    }
}
