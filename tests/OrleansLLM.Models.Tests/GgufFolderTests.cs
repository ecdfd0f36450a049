using OrleansLLM.Files;
using OrleansLLM.Models.Loading;

namespace OrleansLLM.Models.Tests;

public sealed class GgufFolderTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("orleansllm").FullName;

    [Fact]
    public void The_only_model_is_found_by_its_first_part()
    {
        Write("m-00001-of-00002.gguf", "m-00002-of-00002.gguf", "README.md");
        Assert.Equal(Path.Combine(_folder, "m-00001-of-00002.gguf"), GgufFolder.Find(_folder));
    }

    [Fact]
    public void Of_several_models_the_user_must_name_one()
    {
        Write("a.gguf", "b.gguf");
        Assert.Contains("a.gguf, b.gguf", Assert.Throws<FileFormatException>(() => GgufFolder.Find(_folder)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_configuration_counts_only_with_weights_that_it_describes()
    {
        Write("a.gguf", "config.json");
        Assert.Equal(Path.Combine(_folder, "a.gguf"), GgufFolder.Find(_folder));
        Write("model.safetensors");
        Assert.Null(GgufFolder.Find(_folder));
    }

    [Theory]
    [InlineData("model-00001-of-00002.safetensors")]
    [InlineData("model.safetensors.index.json")]
    public void Weights_under_their_usual_names_win_over_a_stray_gguf_file(string name)
    {
        Write("a.gguf", "config.json", name);
        Assert.Null(GgufFolder.Find(_folder));
    }

    [Fact]
    public void Files_of_other_names_and_hidden_ones_are_passed_over()
    {
        Write("a.gguf", "._a.gguf", "._model-00001-of-00002.safetensors", "projector.safetensors");
        Assert.Equal(Path.Combine(_folder, "a.gguf"), GgufFolder.Find(_folder));
    }

    [Fact]
    public void A_folder_without_a_model_says_what_to_give()
    {
        Assert.Equal(
            $"{_folder}: holds neither config.json nor a GGUF file; give a Hugging Face folder or a GGUF file",
            Assert.Throws<FileFormatException>(() => ModelHeader.Open(_folder)).Message);
        Directory.CreateDirectory(Path.Combine(_folder, "snapshots"));
        Assert.Equal(
            $"{_folder}: is a repository of the hub's cache; give one of the folders in its snapshots",
            Assert.Throws<FileFormatException>(() => ModelHeader.Open(_folder)).Message);
    }

    public void Dispose() => Directory.Delete(_folder, true);

    private void Write(params string[] names) => Array.ForEach(names, name => File.WriteAllText(Path.Combine(_folder, name), ""));
}
