using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace OrleansLLM.Files.Tests;

/// <summary>Folders and files as tests need them.</summary>
internal static class Folders
{
    public static string Make(this TemporaryFolder root, string name) => Directory.CreateDirectory(Path.Combine(root.Path, name)).FullName;

    /// <summary>A folder whose config.json names it.</summary>
    public static string MakeModel(this TemporaryFolder root, string name)
    {
        var folder = root.Make(name);
        File.WriteAllText(Path.Combine(folder, "config.json"), $$"""{"name":"{{name}}"}""");
        return folder;
    }

    public static string Link(this TemporaryFolder root, string name, string target)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Links need rights on Windows.");
        var path = Path.Combine(root.Path, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.CreateSymbolicLink(path, target);
        return path;
    }

    public static string NameIn(string folder)
    {
        using var document = new FolderFiles(folder).ReadJson("config.json");
        return document.RootElement.GetProperty("name").GetString()!;
    }

    /// <summary>A checkpoint with F32 tensors of one number each.</summary>
    public static byte[] Safetensors(params (string Name, float Value)[] tensors)
    {
        var entries = tensors.Select((tensor, index) => string.Create(
            CultureInfo.InvariantCulture, $"\"{tensor.Name}\":{{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[{4 * index},{4 * (index + 1)}]}}"));
        var header = Encoding.UTF8.GetBytes($"{{{string.Join(',', entries)}}}");
        var bytes = new byte[8 + header.Length + (4 * tensors.Length)];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, header.Length);
        header.CopyTo(bytes, 8);
        for (var i = 0; i < tensors.Length; i++)
        {
            BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(8 + header.Length + (4 * i)), tensors[i].Value);
        }

        return bytes;
    }
}
