using OrleansLLM.Compute;
using OrleansLLM.Files;
using OrleansLLM.Testing;

namespace OrleansLLM.Models.Tests;

/// <summary>The bundled model, which is always there.</summary>
public class ModelFileTests
{
    [Fact]
    public void Opening_tells_what_a_model_is()
    {
        using var file = ModelFile.Open(ReferenceData.Atlas);
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
        using var first = ModelFile.Open(ReferenceData.Atlas);
        using var second = ModelFile.Open(ReferenceData.Atlas);
        Assert.Equal(first.Fingerprint, second.Fingerprint);

        var copy = Directory.CreateTempSubdirectory("orleansllm").FullName;
        File.Copy(Path.Combine(ReferenceData.Atlas, "config.json"), Path.Combine(copy, "config.json"));
        var bytes = File.ReadAllBytes(Path.Combine(ReferenceData.Atlas, "model.safetensors"));
        bytes[^1] ^= 1;
        File.WriteAllBytes(Path.Combine(copy, "model.safetensors"), bytes);
        using (var changed = ModelFile.Open(copy))
        {
            Assert.NotEqual(first.Fingerprint, changed.Fingerprint);
        }

        Directory.Delete(copy, true);
    }

    [Fact]
    public void Words_of_python_in_config_json_are_read_where_nobody_asks_for_them_and_refused_by_name_where_somebody_does()
    {
        Assert.Equal(4096, Vocabulary("\"partial\": NaN, \"inner\": {\"list\": [Infinity, -Infinity]},"));
        var error = Assert.Throws<FileFormatException>(() => Vocabulary("\"rms_norm_eps\": NaN,"));
        Assert.Contains("rms_norm_eps is the text \"NaN\"; it must be a number", error.Message, StringComparison.Ordinal);
        error = Assert.Throws<FileFormatException>(() => Vocabulary("\"max_position_embeddings\": Infinity,"));
        Assert.Contains("max_position_embeddings is Infinity", error.Message, StringComparison.Ordinal);
        error = Assert.Throws<FileFormatException>(() => Vocabulary("\"a\": NaN, \"b\": oops,"));
        Assert.Contains("BytePositionInLine: 15", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Loading_reports_its_progress_up_to_all_bytes_that_are_used()
    {
        var reports = new List<LoadProgress>();
        using var file = ModelFile.Open(ReferenceData.Atlas);
        using var model = file.Load(new ReferenceDevice(), new(4, 16, ElementType.Float32), new Collector(reports));
        Assert.True(reports[^1].LoadedBytes > 0.99 * file.TensorBytes);
        Assert.True(reports[^1].LoadedBytes <= file.TensorBytes);
        Assert.Equal(reports.Select(report => report.LoadedBytes).Order(), reports.Select(report => report.LoadedBytes));
    }

    /// <summary>Of the bundled model with a line more in its config.json, which counts.</summary>
    private static int Vocabulary(string line)
    {
        var copy = Directory.CreateTempSubdirectory("orleansllm").FullName;
        var name = line[1..line.IndexOf('"', 1)];
        var config = File.ReadAllLines(Path.Combine(ReferenceData.Atlas, "config.json")).Where(known => !known.Contains($"\"{name}\"", StringComparison.Ordinal)).ToList();
        config.Insert(1, line);
        File.WriteAllLines(Path.Combine(copy, "config.json"), config);
        File.Copy(Path.Combine(ReferenceData.Atlas, "model.safetensors"), Path.Combine(copy, "model.safetensors"));
        try
        {
            using var file = ModelFile.Open(copy);
            return file.VocabularySize;
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
