using OrleansLLM.Testing;

namespace OrleansLLM.Files.Tests;

public class GgufFileTests
{
    public static TheoryData<string, string> Malformed => [.. MalformedFiles.Of("gguf")];

    public static TheoryData<string> Models => [.. ReferenceData.Cases("gguf", "golden.json")];

    [Theory(SkipTestWithoutData = true)]
    [Trait("Category", "Reference")]
    [MemberData(nameof(Malformed))]
    public void A_broken_file_is_refused_or_opens_but_never_ends_otherwise(string path, string expect)
    {
        if (expect == "load")
        {
            GgufFile.Open(path).Dispose();
            return;
        }

        try
        {
            GgufFile.Open(path).Dispose();
        }
        catch (FileFormatException error)
        {
            Assert.StartsWith(path, error.Message, StringComparison.Ordinal);
        }
    }

    [Theory(SkipTestWithoutData = true)]
    [Trait("Category", "Reference")]
    [MemberData(nameof(Models))]
    public void Every_reference_model_opens_with_its_vocabulary(string folder)
    {
        using var file = GgufFile.Open(Directory.GetFiles(folder, "*.gguf").Order(StringComparer.Ordinal).First());
        Assert.NotEmpty(file.Tensors);
        Assert.NotNull(file.Metadata.Text("general.architecture"));
        Assert.NotEmpty(file.Metadata.Texts("tokenizer.ggml.tokens")!);
        Assert.All(file.Metadata.Keys, key => Assert.NotNull(file.Metadata.Show(key)));
    }

    [Fact]
    public void A_split_model_may_be_opened_by_a_link_of_any_name()
    {
        using var root = new TemporaryFolder();
        root.Make("disk");
        for (var part = 0; part < 2; part++)
        {
            root.Write($"disk/m-0000{part + 1}-of-00002.gguf", new GgufBuilder()
                .Text("general.architecture", "llama").UInt16("split.count", 2).UInt16("split.no", (ushort)part)
                .Tensor($"t{part}", 0, new byte[4], 1).Build());
        }

        root.Link("cache/snapshots/x/m-00001-of-00002.gguf", "../../blobs/first");
        root.Link("cache/snapshots/x/m-00002-of-00002.gguf", "../../blobs/second");
        root.Link("cache/blobs/first", "../../disk/m-00001-of-00002.gguf");
        root.Link("cache/blobs/second", "../../disk/m-00002-of-00002.gguf");
        root.Link("folder", "cache/snapshots/x");
        string[] ways =
        [
            "disk/m-00001-of-00002.gguf", "folder/m-00001-of-00002.gguf", root.Link("short.gguf", "cache/snapshots/x/m-00001-of-00002.gguf"),
            root.Link("again/shorter", "../short.gguf"), root.Link("again/to-blob", "../cache/blobs/first"),
        ];
        Assert.All(ways, way =>
        {
            using var file = GgufFile.Open(Path.Combine(root.Path, way));
            Assert.Equal(2, file.Parts);
            Assert.Equal(["t0", "t1"], file.Tensors.Keys.Order(StringComparer.Ordinal));
        });
    }

    [Theory]
    [InlineData(2u)]
    [InlineData(3u)]
    public void Metadata_and_tensors_are_typed(uint version)
    {
        using var folder = new TemporaryFolder();
        var path = folder.Write("a.gguf", Sample(version));
        using var file = GgufFile.Open(path);
        Assert.Equal(version, file.Version);
        Assert.Equal("llama", file.Metadata.Text("general.architecture"));
        Assert.Equal(7, file.Metadata.Integer("count"));
        Assert.Equal(7, file.Metadata.Number("count"));
        Assert.Equal(0.5, file.Metadata.Number("share"));
        Assert.True(file.Metadata.Boolean("flag"));
        Assert.Null(file.Metadata.Text("absent"));
        Assert.Equal(["a", "ü", ""], file.Metadata.Texts("texts")!);
        Assert.Equal((3, null), (file.Metadata.Count("texts"), file.Metadata.Count("absent")));
        Assert.Equal([1, -2, 3, 4, 5], file.Metadata.Integers("numbers")!);
        Assert.Equal("[1, -2, 3, 4, … (5)]", file.Metadata.Show("numbers"));
        Assert.Throws<FileFormatException>(() => file.Metadata.Integer("share"));
        Assert.Throws<FileFormatException>(() => file.Metadata.Text("texts"));
        Assert.Equal([2L, 3L], file.Tensors["w"].Shape);
        Assert.Equal("F32", file.Tensors["w"].Type);
        Assert.Equal([8, 9], file.Tensors["w"].Bytes(8, 2).ToArray());
        Assert.Equal(34, file.Tensors["q"].ByteLength);
    }

    [Fact]
    public void Every_prefix_of_a_sound_file_is_refused()
    {
        using var folder = new TemporaryFolder();
        var bytes = Sample(3);
        for (var length = 0; length < bytes.Length; length++)
        {
            var path = folder.Write("cut.gguf", bytes[..length]);
            Assert.Throws<FileFormatException>(() => GgufFile.Open(path).Dispose());
        }
    }

    [Fact]
    public void Random_damage_is_refused_or_harmless()
    {
        using var folder = new TemporaryFolder();
        var random = new Random(5);
        var sound = Sample(3);
        for (var round = 0; round < 3000; round++)
        {
            var bytes = sound.ToArray();
            for (var flips = random.Next(1, 4); flips > 0; flips--)
            {
                bytes[random.Next(bytes.Length)] = (byte)(random.Next(2) == 0 ? 0xFF : random.Next(256));
            }

            var path = folder.Write("damaged.gguf", bytes);
            try
            {
                using var file = GgufFile.Open(path);
                Assert.All(file.Metadata.Keys, key => Assert.NotNull(file.Metadata.Show(key)));
            }
            catch (FileFormatException)
            {
            }
        }
    }

    [Fact]
    public void A_split_model_needs_all_its_parts_and_opens_by_the_first()
    {
        using var folder = new TemporaryFolder();
        var first = folder.Write("m-00001-of-00002.gguf", new GgufBuilder().UInt16("split.no", 0).UInt16("split.count", 2).Tensor("a", 0, new byte[4], 1).Build());
        var error = Assert.Throws<FileFormatException>(() => GgufFile.Open(first).Dispose());
        Assert.Contains("m-00002-of-00002.gguf", error.Message, StringComparison.Ordinal);
        var second = folder.Write("m-00002-of-00002.gguf", new GgufBuilder().UInt16("split.no", 1).UInt16("split.count", 2).Tensor("b", 0, new byte[4], 1).Build());
        using var file = GgufFile.Open(first);
        Assert.Equal(["a", "b"], file.Tensors.Keys);
        Assert.Contains("m-00001-of-00002.gguf", Assert.Throws<FileFormatException>(() => GgufFile.Open(second).Dispose()).Message, StringComparison.Ordinal);
    }

    private static byte[] Sample(uint version) => new GgufBuilder { Version = version }
        .Text("general.architecture", "llama")
        .UInt32("count", 7)
        .Float32("share", 0.5f)
        .Bool("flag", true)
        .Texts("texts", "a", "ü", "")
        .Int32s("numbers", 1, -2, 3, 4, 5)
        .Tensor("w", 0, [.. Enumerable.Range(0, 24).Select(i => (byte)i)], 3, 2)
        .Tensor("q", 8, new byte[34], 32, 1)
        .Build();
}
