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
