using System.Buffers.Binary;
using System.Text;
using OrleansLLM.Testing;

namespace OrleansLLM.Files.Tests;

public class SafetensorsFileTests
{
    public static TheoryData<string, string> Malformed => [.. MalformedFiles.Of("safetensors")];

    [Theory(SkipTestWithoutData = true)]
    [Trait("Category", "Reference")]
    [MemberData(nameof(Malformed))]
    public void A_broken_file_is_refused_and_a_sound_one_loads(string path, string expect)
    {
        if (expect == "load")
        {
            using var file = SafetensorsFile.Open(path);
            Assert.NotEmpty(file.Tensors);
        }
        else
        {
            var error = Assert.Throws<FileFormatException>(() => SafetensorsFile.Open(path).Dispose());
            Assert.StartsWith(path, error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Tensors_carry_shape_type_and_bytes()
    {
        using var folder = new TemporaryFolder();
        var path = folder.Write("a.safetensors", Build("""{"__metadata__":{"format":"pt"},"b":{"dtype":"F32","shape":[2,1],"data_offsets":[4,12]},"a":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}""", 12));
        using var file = SafetensorsFile.Open(path);
        Assert.Equal("pt", file.Metadata["format"]);
        Assert.Equal([2L, 1L], file.Tensors["b"].Shape);
        Assert.Equal("BF16", file.Tensors["a"].Type);
        Assert.Equal([4, 5, 6, 7], file.Tensors["b"].Bytes(0, 4).ToArray());
        Assert.Throws<ArgumentOutOfRangeException>(() => file.Tensors["a"].Bytes(1, 4).Length);
    }

    [Fact]
    public void Every_prefix_of_a_sound_file_is_refused()
    {
        using var folder = new TemporaryFolder();
        var bytes = Build("""{"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},"c":{"dtype":"U8","shape":[0],"data_offsets":[16,16]}}""", 16);
        for (var length = 0; length < bytes.Length; length++)
        {
            var path = folder.Write("cut.safetensors", bytes[..length]);
            Assert.Throws<FileFormatException>(() => SafetensorsFile.Open(path).Dispose());
        }

        SafetensorsFile.Open(folder.Write("whole.safetensors", bytes)).Dispose();
    }

    [Theory]
    [InlineData("../b.safetensors")]
    [InlineData("/etc/passwd")]
    [InlineData("sub/b.safetensors")]
    [InlineData("..")]
    [InlineData("")]
    public void An_index_can_not_name_a_file_outside_its_folder(string name)
    {
        using var folder = new TemporaryFolder();
        folder.Write(SafetensorsFolder.IndexName, Encoding.UTF8.GetBytes($$$"""{"weight_map":{"a":"{{{name}}}"}}"""));
        var error = Assert.Throws<FileFormatException>(() => SafetensorsFolder.Open(new FolderFiles(folder.Path)).Dispose());
        Assert.Contains("plain names", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_link_out_of_the_folder_is_refused_but_the_hub_caches_links_are_followed()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "links need no rights on Linux only");
        using var folder = new TemporaryFolder();
        var bytes = Build("""{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}""", 4);
        foreach (var name in (string[])["blobs", "snapshots/x", "elsewhere"])
        {
            Directory.CreateDirectory(Path.Combine(folder.Path, name));
        }

        folder.Write("blobs/0123", bytes);
        folder.Write("elsewhere/secret", bytes);
        var link = Path.Combine(folder.Path, "snapshots", "x", SafetensorsFolder.SingleName);
        File.CreateSymbolicLink(link, "../../blobs/0123");
        SafetensorsFolder.Open(new FolderFiles(Path.Combine(folder.Path, "snapshots", "x"))).Dispose();
        File.Delete(link);
        File.CreateSymbolicLink(link, "../../elsewhere/secret");
        Assert.Throws<FileFormatException>(() => SafetensorsFolder.Open(new FolderFiles(Path.Combine(folder.Path, "snapshots", "x"))).Dispose());
    }

    [Fact]
    public void Shards_are_one_set_of_tensors()
    {
        using var folder = new TemporaryFolder();
        folder.Write("one.safetensors", Build("""{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}""", 4));
        folder.Write("two.safetensors", Build("""{"b":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}""", 2));
        folder.Write(SafetensorsFolder.IndexName, """{"metadata":{},"weight_map":{"a":"one.safetensors","b":"two.safetensors"}}"""u8.ToArray());
        using var file = SafetensorsFolder.Open(new FolderFiles(folder.Path));
        Assert.Equal(["a", "b"], file.Tensors.Keys.Order(StringComparer.Ordinal));
        File.Delete(Path.Combine(folder.Path, "two.safetensors"));
        Assert.Throws<FileFormatException>(() => SafetensorsFolder.Open(new FolderFiles(folder.Path)).Dispose());
    }

    private static byte[] Build(string header, int dataBytes)
    {
        var json = Encoding.UTF8.GetBytes(header);
        var bytes = new byte[8 + json.Length + dataBytes];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, json.Length);
        json.CopyTo(bytes, 8);
        for (var i = 0; i < dataBytes; i++)
        {
            bytes[8 + json.Length + i] = (byte)i;
        }

        return bytes;
    }
}
