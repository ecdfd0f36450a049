using OrleansLLM.Compute;
using OrleansLLM.Files;
using OrleansLLM.Testing;

namespace OrleansLLM.Models.Tests;

/// <summary>The bundled model, which is always there.</summary>
public class ModelFileTests
{
    private static readonly string Atlas = Path.Combine(ReferenceData.Repository, "models", "atlas");

    [Fact]
    public void Opening_tells_what_a_model_is()
    {
        using var file = ModelFile.Open(Atlas);
        Assert.Equal("llama", file.Architecture);
        Assert.Equal(4096, file.VocabularySize);
        Assert.Equal(2048, file.MaxLength);
        Assert.Null(file.Gguf);
        Assert.False(file.Generation.DoSample);
        Assert.Equal([3], file.Generation.EndIds);
        Assert.True(file.TensorBytes > 6_000_000);
        Assert.Equal("BF16", file.TensorTypes[0].Type);
    }

    [Fact]
    public void A_fingerprint_is_the_same_each_time_and_another_for_another_weight()
    {
        using var first = ModelFile.Open(Atlas);
        using var second = ModelFile.Open(Atlas);
        Assert.Equal(first.Fingerprint, second.Fingerprint);

        var copy = Directory.CreateTempSubdirectory("orleansllm").FullName;
        File.Copy(Path.Combine(Atlas, "config.json"), Path.Combine(copy, "config.json"));
        var bytes = File.ReadAllBytes(Path.Combine(Atlas, "model.safetensors"));
        bytes[^1] ^= 1;
        File.WriteAllBytes(Path.Combine(copy, "model.safetensors"), bytes);
        using (var changed = ModelFile.Open(copy))
        {
            Assert.NotEqual(first.Fingerprint, changed.Fingerprint);
        }

        Directory.Delete(copy, true);
    }

    [Fact]
    public void Generation_settings_are_read_and_their_range_is_checked()
    {
        var settings = Generation("""{"do_sample":true,"temperature":0.6,"top_p":0.95,"top_k":20,"eos_token_id":[5,7,5]}""");
        Assert.True(settings.DoSample);
        Assert.Equal(0.6f, settings.Temperature);
        Assert.Equal(20, settings.TopK);
        Assert.Equal([5, 7], settings.EndIds);
        Assert.Contains("top_p", Assert.Throws<FileFormatException>(() => Generation("""{"top_p":"all"}""")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Loading_reports_its_progress_up_to_all_bytes_that_are_used()
    {
        var reports = new List<LoadProgress>();
        using var file = ModelFile.Open(Atlas);
        using var model = file.Load(new ReferenceDevice(), new(4, 16, ElementType.Float32), new Collector(reports));
        Assert.True(reports[^1].LoadedBytes > 0.99 * file.TensorBytes);
        Assert.True(reports[^1].LoadedBytes <= file.TensorBytes);
        Assert.Equal(reports.Select(report => report.LoadedBytes).Order(), reports.Select(report => report.LoadedBytes));
    }

    private static GenerationDefaults Generation(string json)
    {
        var copy = Directory.CreateTempSubdirectory("orleansllm").FullName;
        File.Copy(Path.Combine(Atlas, "config.json"), Path.Combine(copy, "config.json"));
        File.Copy(Path.Combine(Atlas, "model.safetensors"), Path.Combine(copy, "model.safetensors"));
        File.WriteAllText(Path.Combine(copy, "generation_config.json"), json);
        try
        {
            using var file = ModelFile.Open(copy);
            return file.Generation;
        }
        finally
        {
            Directory.Delete(copy, true);
        }
    }

    private sealed class Collector(List<LoadProgress> reports) : IProgress<LoadProgress>
    {
        public void Report(LoadProgress value) => reports.Add(value);
    }
}
