using System.Text;

namespace OrleansLLM.Files.Tests;

/// <summary>Which files of a folder hold the model's tensors.</summary>
public sealed class SafetensorsFolderTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("../b.safetensors")]
    [InlineData("/etc/passwd")]
    [InlineData("sub/b.safetensors")]
    [InlineData("..")]
    [InlineData("")]
    public void An_index_can_not_name_a_file_outside_its_folder(string name)
    {
        WriteIndex(("a", name));
        Assert.Contains("plain names", Refusal(), StringComparison.Ordinal);
    }

    [Fact]
    public void Shards_of_an_index_are_one_set_of_tensors()
    {
        Write("one.safetensors", ("a", 1));
        Write("two.safetensors", ("b", 2), ("c", 3));
        WriteIndex(("a", "one.safetensors"), ("b", "two.safetensors"));
        Assert.Equal("a=1 b=2 c=3", Tensors());

        File.Delete(Path.Combine(_folder.Path, "two.safetensors"));
        Assert.Equal(
            $"{_folder.Path}/two.safetensors: is not there, but model.safetensors.index.json names it; copy or download it, or the whole model, again",
            Refusal());
    }

    [Fact]
    public void A_stray_file_beside_an_index_does_not_win()
    {
        Write("model-00001-of-00002.safetensors", ("a", 1));
        Write("model-00002-of-00002.safetensors", ("b", 2));
        WriteIndex(("a", "model-00001-of-00002.safetensors"), ("b", "model-00002-of-00002.safetensors"));
        Write("model.safetensors", ("a", 10), ("b", 20), ("x", 30));
        Write("consolidated.safetensors", ("a", 10));
        Write("model-00001-of-00001.safetensors", ("a", 10));
        Assert.Equal("a=1 b=2", Tensors());
    }

    [Fact]
    public void An_index_without_its_files_is_not_passed_over_for_a_stray_one()
    {
        WriteIndex(("a", "model-00001-of-00002.safetensors"));
        Write("model.safetensors", ("a", 10));
        Assert.Contains("model-00001-of-00002.safetensors: is not there", Refusal(), StringComparison.Ordinal);
    }

    [Fact]
    public void Of_a_tensor_in_two_files_the_index_tells_which_counts()
    {
        Write("one.safetensors", ("a", 1), ("b", 10));
        Write("two.safetensors", ("a", 20), ("b", 2));
        WriteIndex(("a", "one.safetensors"), ("b", "two.safetensors"));
        Assert.Equal("a=1 b=2", Tensors());
    }

    [Theory]
    [InlineData("model.safetensors")]
    [InlineData("model-00001-of-00001.safetensors")]
    [InlineData("atlas.safetensors")]
    [InlineData("consolidated.safetensors")]
    public void The_only_file_needs_no_index_whatever_its_name(string name)
    {
        Write(name, ("a", 1));
        _folder.Write($"._{name}", [0]);
        _folder.Write("tokenizer.json", [0]);
        Assert.Equal("a=1", Tensors());
    }

    [Theory]
    [InlineData("model", "00001", "00002", "00003", "00003")]
    [InlineData("model", "00000", "00001", "00002", "00003")]
    [InlineData("my-model.fp16", "1", "2", "3", "3")]
    public void Shards_need_no_index(string stem, string first, string second, string third, string count)
    {
        Write($"{stem}-{first}-of-{count}.safetensors", ("a", 1));
        Write($"{stem}-{second}-of-{count}.safetensors", ("b", 2));
        Write($"{stem}-{third}-of-{count}.safetensors", ("c", 3));
        Write("adapter.safetensors", ("a", 10));
        Assert.Equal("a=1 b=2 c=3", Tensors());
    }

    [Fact]
    public void The_usual_name_wins_over_shards_and_others_without_an_index()
    {
        Write("model-00001-of-00001.safetensors", ("a", 10));
        Write("atlas.safetensors", ("a", 20));
        Write("model.safetensors", ("a", 1));
        Assert.Equal("a=1", Tensors());
    }

    [Fact]
    public void Of_two_sets_of_shards_the_whole_one_counts_or_that_of_the_usual_name()
    {
        Write("model-00002-of-00003.safetensors", ("a", 10));
        Write("model-00001-of-00002.safetensors", ("a", 1));
        Write("model-00002-of-00002.safetensors", ("b", 2));
        Assert.Equal("a=1 b=2", Tensors());

        Write("consolidated-00001-of-00001.safetensors", ("a", 10));
        Assert.Equal("a=1 b=2", Tensors());

        Write("model-00001-of-00001.safetensors", ("a", 10));
        Assert.Contains("call the weights model.safetensors, or add the index", Refusal(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("model-00002-of-00003.safetensors", "model-00001-of-00003.safetensors", "model-00003-of-00003.safetensors")]
    [InlineData("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")]
    [InlineData("model-00002-of-00002.safetensors", "model-00001-of-00002.safetensors", "other.safetensors")]
    [InlineData("m-2-of-3.safetensors", "m-0-of-3.safetensors", "m-1-of-3.safetensors", "m-3-of-3.safetensors")]
    public void A_shard_that_is_missing_is_named(string missing, params string[] there)
    {
        for (var i = 0; i < there.Length; i++)
        {
            Write(there[i], ($"t{i}", i));
        }

        Assert.Equal($"{_folder.Path}: {missing} is missing; copy or download it, or the whole model, again", Refusal());
    }

    [Fact]
    public void A_tensor_in_two_shards_is_refused_where_no_index_tells_which_counts()
    {
        Write("model-00001-of-00002.safetensors", ("a", 1));
        Write("model-00002-of-00002.safetensors", ("a", 2));
        Assert.Contains("tensor a is also in", Refusal(), StringComparison.Ordinal);
    }

    [Fact]
    public void Files_of_unusual_names_are_not_guessed_among()
    {
        Write("one.safetensors", ("a", 1));
        Write("two.safetensors", ("b", 2));
        Assert.StartsWith($"{_folder.Path}: holds one.safetensors, two.safetensors, and no model.safetensors.index.json", Refusal(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_without_weights_says_which_are_read() =>
        Assert.Contains("holds neither model.safetensors nor model.safetensors.index.json", Refusal(), StringComparison.Ordinal);

    [Fact]
    public void Shards_may_be_links_into_the_hubs_cache()
    {
        _folder.Make("cache/blobs");
        _folder.Write("cache/blobs/b1", Folders.Safetensors(("a", 1)));
        _folder.Write("cache/blobs/b2", Folders.Safetensors(("b", 2)));
        _folder.Link("cache/snapshots/x/model-00001-of-00002.safetensors", "../../blobs/b1");
        _folder.Link("cache/snapshots/x/model-00002-of-00002.safetensors", "../../blobs/b2");
        Assert.Equal("a=1 b=2", Tensors("cache/snapshots/x"));
    }

    private void Write(string name, params (string Name, float Value)[] tensors) => _folder.Write(name, Folders.Safetensors(tensors));

    private void WriteIndex(params (string Tensor, string File)[] entries) => _folder.Write(
        SafetensorsFolder.IndexName,
        Encoding.UTF8.GetBytes($"{{\"weight_map\":{{{string.Join(',', entries.Select(entry => $"\"{entry.Tensor}\":\"{entry.File}\""))}}}}}"));

    private string Tensors(string folder = "")
    {
        using var file = SafetensorsFolder.Open(new FolderFiles(Path.Combine(_folder.Path, folder)));
        return string.Join(' ', file.Tensors.Values
            .OrderBy(tensor => tensor.Name, StringComparer.Ordinal)
            .Select(tensor => $"{tensor.Name}={BitConverter.ToSingle(tensor.Bytes(0, 4))}"));
    }

    private string Refusal() =>
        Assert.Throws<FileFormatException>(() => SafetensorsFolder.Open(new FolderFiles(_folder.Path)).Dispose()).Message;
}
