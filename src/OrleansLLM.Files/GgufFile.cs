using System.Globalization;
using System.Text.RegularExpressions;
using static System.FormattableString;

namespace OrleansLLM.Files;

/// <summary>
/// A GGUF model: one file, or all parts of a split one (<c>name-00001-of-00003.gguf</c>), opened by its first part. Headers are
/// read and checked wholly when it is opened; weights and long arrays stay in the mapped file.
/// </summary>
public sealed partial class GgufFile : ITensorFile
{
    private const string SplitCountKey = "split.count";
    private const string SplitNumberKey = "split.no";
    private const int MaxParts = 10_000;

    private readonly List<MappedFile> _parts;

    private GgufFile(string path, List<MappedFile> parts, GgufHeader first, IReadOnlyDictionary<string, FileTensor> tensors)
    {
        Path = path;
        _parts = parts;
        Version = first.Version;
        Metadata = first.Metadata;
        Tensors = tensors;
    }

    public string Path { get; }

    public uint Version { get; }

    /// <summary>Files that hold the model.</summary>
    public int Parts => _parts.Count;

    /// <summary>The first part's metadata: that of the model.</summary>
    public GgufMetadata Metadata { get; }

    public IReadOnlyDictionary<string, FileTensor> Tensors { get; }

    /// <exception cref="FileFormatException">Not a sound GGUF file, or a part is missing.</exception>
    public static GgufFile Open(string path)
    {
        var parts = new List<MappedFile>();
        try
        {
            parts.Add(MappedFile.Open(path));
            var first = new GgufHeader(parts[0]);
            var tensors = new Dictionary<string, FileTensor>(first.Tensors, StringComparer.Ordinal);
            foreach (var part in OtherParts(path, first.Metadata))
            {
                parts.Add(MappedFile.Open(part));
                AddPart(new GgufHeader(parts[^1]), parts, tensors);
            }

            return new(path, parts, first, tensors);
        }
        catch
        {
            parts.ForEach(part => part.Dispose());
            throw;
        }
    }

    public void Dispose() => _parts.ForEach(part => part.Dispose());

    private static IEnumerable<string> OtherParts(string path, GgufMetadata metadata)
    {
        var count = metadata.Integer(SplitCountKey) ?? 1;
        if (count <= 1)
        {
            return [];
        }

        // A link may have a short name: the parts lie where the link leads.
        var named = RealPath.Steps(path).FirstOrDefault(step => PartName().IsMatch(System.IO.Path.GetFileName(step)), path);
        var name = PartName().Match(System.IO.Path.GetFileName(named));
        if (count > MaxParts || !name.Success || name.Groups["count"].Value != count.ToString("00000", CultureInfo.InvariantCulture))
        {
            throw new FileFormatException(path, Invariant($"is one of {count} parts, so its name must end in -00001-of-{count:00000}.gguf"));
        }

        if (metadata.Integer(SplitNumberKey) is > 0)
        {
            throw new FileFormatException(path, $"is not the first of its parts; open {Part(name, 1)}");
        }

        var folder = System.IO.Path.GetDirectoryName(named) ?? "";
        return Enumerable.Range(2, (int)count - 1).Select(number => System.IO.Path.Combine(folder, Part(name, number)));
    }

    private static string Part(Match name, int number) => Invariant($"{name.Groups["stem"].Value}-{number:00000}-of-{name.Groups["count"].Value}.gguf");

    private static void AddPart(GgufHeader part, List<MappedFile> parts, Dictionary<string, FileTensor> tensors)
    {
        if (part.Metadata.Integer(SplitNumberKey) != parts.Count - 1)
        {
            throw new FileFormatException(parts[^1].Path, $"should be part {parts.Count}, but its {SplitNumberKey} says otherwise");
        }

        foreach (var (name, tensor) in part.Tensors)
        {
            if (!tensors.TryAdd(name, tensor))
            {
                throw new FileFormatException(parts[^1].Path, $"tensor {name} is also in {tensors[name].File.Path}");
            }
        }
    }

    [GeneratedRegex(@"^(?<stem>.+)-(?<number>\d{5})-of-(?<count>\d{5})\.gguf$")]
    private static partial Regex PartName();
}
