using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using OrleansLLM.Models;
using OrleansLLM.Sequences;
using OrleansLLM.Testing;

namespace OrleansLLM.Hosting.Tests;

public sealed class ModelLoaderTests : IDisposable
{
    private const string LengthSentence = "MaxModelLength (--max-model-len) is 9000; it must be 1 to 2048, the positions that the model was made for.";

    private readonly string _folder = Directory.CreateTempSubdirectory("orleansllm").FullName;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Wrong_options_are_all_refused_though_the_weights_are_missing()
    {
        File.Copy(Path.Combine(ReferenceData.Atlas, "config.json"), Path.Combine(_folder, "config.json"));
        var options = new ModelOptions { Path = _folder };

        var refused = await RefuseAsync(options with { MaxModelLength = 9000, Threads = 0 });
        Assert.Equal($"{LengthSentence}\nThreads (--threads) is 0; it must be 1 or more.", refused);
        Assert.Contains("holds neither model.safetensors", await RefuseAsync(options), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Wrong_options_are_refused_though_the_weights_are_cut_off()
    {
        File.Copy(Path.Combine(ReferenceData.Atlas, "config.json"), Path.Combine(_folder, "config.json"));
        File.WriteAllBytes(Path.Combine(_folder, "model.safetensors"), File.ReadAllBytes(Path.Combine(ReferenceData.Atlas, "model.safetensors"))[..100_000]);
        var options = new ModelOptions { Path = _folder };

        Assert.Equal(LengthSentence, await RefuseAsync(options with { MaxModelLength = 9000 }));
        Assert.Contains("cut off", await RefuseAsync(options), StringComparison.Ordinal);
    }

    /// <summary>Its header tells all that options are checked against; the weights that it should list are not looked for before.</summary>
    [Fact]
    public async Task Wrong_options_are_refused_though_a_gguf_file_lacks_tensors()
    {
        var file = Path.Combine(_folder, "model.gguf");
        File.WriteAllBytes(file, new GgufBuilder()
            .Text("general.architecture", "llama")
            .UInt32("llama.embedding_length", 32).UInt32("llama.block_count", 1).UInt32("llama.attention.head_count", 1)
            .UInt32("llama.feed_forward_length", 32).UInt32("llama.context_length", 2048).Float32("llama.attention.layer_norm_rms_epsilon", 1e-5f)
            .Tensor("token_embd.weight", 0, new byte[32 * 4 * sizeof(float)], 32, 4)
            .Build());
        var options = new ModelOptions { Path = file };

        Assert.Equal(LengthSentence, await RefuseAsync(options with { MaxModelLength = 9000 }));
        Assert.Contains("output_norm", await RefuseAsync(options), StringComparison.Ordinal);
    }

    /// <summary>The vocabulary is read from the same file beside the weights: unmapped under it, it would end the process.</summary>
    [Theory]
    [InlineData(typeof(IOException), "the disk is gone")]
    [InlineData(typeof(OutOfMemoryException), "no memory")]
    [InlineData(typeof(InvalidOperationException), "can't be loaded, by a mistake of this program (InvalidOperationException): no such thing")]
    [InlineData(typeof(AggregateException), "can't be loaded, by a mistake of this program (AggregateException): both")]
    public async Task A_load_that_fails_while_its_text_is_read_ends_with_its_sentence(Type kind, string sentence)
    {
        var file = Gguf(tokens: 100_000);
        for (var round = 0; round < 5; round++)
        {
            var options = new ModelOptions { Path = file, KvCacheBytes = 1 << 20 };
            var error = await Assert.ThrowsAsync<ModelLoadException>(() => ModelLoader.LoadAsync(
                options, new Progress(() => throw (Exception)Activator.CreateInstance(kind, sentence.Split(": ")[^1])!), Cancellation));
            Assert.Contains(sentence, error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_load_that_is_called_off_ends_behind_the_linear_that_it_is_at()
    {
        using var ending = new CancellationTokenSource();
        var reports = 0;
        var options = new ModelOptions { Path = ReferenceData.Atlas, KvCacheBytes = 1 << 20 };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => ModelLoader.LoadAsync(
            options,
            new Progress(() =>
            {
                reports++;
                ending.Cancel();
            }),
            ending.Token));
        Assert.Equal(1, reports);
    }

    [Fact]
    public async Task What_the_models_files_say_and_can_not_be_is_logged_and_the_rest_serves()
    {
        foreach (var file in Directory.GetFiles(ReferenceData.Atlas))
        {
            File.Copy(file, Path.Combine(_folder, Path.GetFileName(file)));
        }

        var generation = Path.Combine(_folder, "generation_config.json");
        File.WriteAllText(generation, """{"eos_token_id":[4096,3],"top_p":0,"do_sample":true,"other":Infinity}""");
        using var loggers = new LoggerFactory();
        using var log = new FakeLoggerProvider();
        loggers.AddProvider(log);
        using var model = await ModelLoader.LoadAsync(new ModelOptions { Path = _folder, KvCacheBytes = 1 << 20 }, null, Cancellation, loggers: loggers);

        var record = Assert.Single(log.Collector.GetSnapshot());
        Assert.Equal(("OrleansLLM.Hosting.ModelLoader", LogLevel.Warning, "LeftOut"), (record.Category, record.Level, record.Id.Name));
        Assert.Equal($"{generation}: eos_token_id names 4096, but the model's ids go from 0 to 4095: left out.", record.Message);
        Assert.Equal([3, 0], model.Served.EndTokens);
        var request = new GenerationRequest
        {
            Id = RequestId.Create(), Model = "x", PromptIds = new[] { 1, 2 }, MaxTokens = 1, StopTokenIds = model.Served.EndTokens, Sampling = model.Served.Defaults,
        };
        using var generator = new Engine.EngineGenerator(model.Engine, TimeProvider.System);
        Assert.IsType<SubmitResult.Accepted>(await generator.SubmitAsync(request, Cancellation));
    }

    /// <summary>Whatever its files will say one day: a server is never healthy and refuses everything.</summary>
    [Fact]
    public async Task Defaults_that_the_engine_refuses_fail_the_load()
    {
        using var model = await ModelLoader.LoadAsync(new ModelOptions { Path = ReferenceData.Atlas, KvCacheBytes = 1 << 20 }, null, Cancellation);
        await WarmUp.TryDefaultsAsync(model.Engine, model.Served, Cancellation);
        var zero = model.Served with { Defaults = new SamplingParameters { RepetitionPenalty = 0 } };
        var error = await Assert.ThrowsAsync<ModelLoadException>(() => WarmUp.TryDefaultsAsync(model.Engine, zero, Cancellation));
        Assert.StartsWith("The model's own defaults let no request be served: repetition_penalty is 0", error.Message, StringComparison.Ordinal);
        error = await Assert.ThrowsAsync<ModelLoadException>(
            () => WarmUp.TryDefaultsAsync(model.Engine, model.Served with { EndTokens = [4096] }, Cancellation));
        Assert.Contains("Token 4096 at index 0 of stop_token_ids is outside the vocabulary of 4096", error.Message, StringComparison.Ordinal);
    }

    /// <summary>It is served, and says what is wrong with every answer; who starts it must not have to ask first.</summary>
    [Fact]
    public async Task A_model_whose_first_logits_are_no_numbers_is_served_with_a_warning_that_names_it()
    {
        using var loggers = new LoggerFactory();
        using var log = new FakeLoggerProvider();
        loggers.AddProvider(log);
        var options = new ModelOptions { Path = Chain(axis: float.NaN), ServedNames = ["hurt"], KvCacheBytes = 1 << 20 };
        using var model = await ModelLoader.LoadAsync(options, null, Cancellation, loggers: loggers);

        var record = Assert.Single(log.Collector.GetSnapshot(), record => record.Category == "OrleansLLM.Hosting.ModelLoader");
        Assert.Equal((LogLevel.Warning, "BrokenFromTheStart"), (record.Level, record.Id.Name));
        Assert.Contains("requests like it will be answered with 500. The model `hurt` computed logits that are no numbers", record.Message, StringComparison.Ordinal);
        Assert.Null(model.Engine.Failure);
    }

    [Fact]
    public async Task A_sound_model_is_served_without_a_warning()
    {
        using var loggers = new LoggerFactory();
        using var log = new FakeLoggerProvider();
        loggers.AddProvider(log);
        using var model = await ModelLoader.LoadAsync(
            new ModelOptions { Path = Chain(axis: 1), KvCacheBytes = 1 << 20 }, null, Cancellation, loggers: loggers);
        Assert.Empty(log.Collector.GetSnapshot());
    }

    [Fact]
    public async Task A_link_that_leads_nowhere_is_told_with_where_it_leads()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Links need rights on Windows.");
        var link = Path.Combine(_folder, "model");
        File.CreateSymbolicLink(link, "gone");
        Assert.Equal($"{link}: is a link to gone, which is not there", await RefuseAsync(new ModelOptions { Path = link }));
    }

    [Fact]
    public async Task The_engine_logs_where_the_caller_says()
    {
        using var loggers = new LoggerFactory();
        using var log = new FakeLoggerProvider();
        loggers.AddProvider(log);
        using var model = await ModelLoader.LoadAsync(new ModelOptions { Path = ReferenceData.Atlas, KvCacheBytes = 1 << 20 }, null, Cancellation, loggers: loggers);
        var request = new GenerationRequest { Id = RequestId.Create(), Model = "atlas", PromptIds = new[] { 1, 2 }, MaxTokens = 1 };
        await model.Engine.SubmitAsync(new Attempt(request, new Epoch(1), Journal.Begin(request).Sequences), new ThrowingSink(), Cancellation);
        await model.Engine.DrainAsync(Cancellation);

        var record = Assert.Single(log.Collector.GetSnapshot());
        Assert.Equal(("OrleansLLM.Engine.InferenceEngine", LogLevel.Error, "SinkFailed"), (record.Category, record.Level, record.Id.Name));
    }

    public void Dispose() => Directory.Delete(_folder, true);

    private static async Task<string> RefuseAsync(ModelOptions options) =>
        (await Assert.ThrowsAsync<ModelLoadException>(() => ModelLoader.LoadAsync(options, null, Cancellation))).Message;

    [Fact]
    public async Task An_empty_path_is_told_in_a_sentence() => Assert.Equal(
        "\"\": is an empty path; give a Hugging Face folder or a GGUF file", await RefuseAsync(new ModelOptions { Path = "" }));

    private string Chain(float axis)
    {
        var file = Path.Combine(_folder, "chain.gguf");
        File.WriteAllBytes(file, ChainModel.Build([("a", 1), ("b", 1)], token => 1 - token, axis: axis));
        return file;
    }

    /// <summary>A llama of one layer whose vocabulary takes longer to read than its weights.</summary>
    private string Gguf(int tokens)
    {
        const int Width = 32;
        var file = Path.Combine(_folder, "model.gguf");
        var builder = new GgufBuilder()
            .Text("general.architecture", "llama")
            .UInt32("llama.embedding_length", Width).UInt32("llama.block_count", 1).UInt32("llama.attention.head_count", 1)
            .UInt32("llama.feed_forward_length", Width).UInt32("llama.context_length", 2048).Float32("llama.attention.layer_norm_rms_epsilon", 1e-5f)
            .Text("tokenizer.ggml.model", "gpt2").Text("tokenizer.ggml.pre", "gpt-2")
            .Texts("tokenizer.ggml.tokens", [.. Enumerable.Range(0, tokens).Select(token => $"token-{token}")])
            .Texts("tokenizer.ggml.merges", [.. Enumerable.Range(0, tokens).Select(token => $"token- {token}")])
            .Int32s("tokenizer.ggml.token_type", [.. Enumerable.Repeat(1, tokens)]);
        foreach (var (name, rows) in new[]
        {
            ("token_embd", tokens), ("blk.0.attn_q", Width), ("blk.0.attn_k", Width), ("blk.0.attn_v", Width), ("blk.0.attn_output", Width),
            ("blk.0.ffn_gate", Width), ("blk.0.ffn_up", Width), ("blk.0.ffn_down", Width),
        })
        {
            builder.Tensor($"{name}.weight", 0, new byte[sizeof(float) * Width * rows], Width, (ulong)rows);
        }

        foreach (var norm in new[] { "blk.0.attn_norm", "blk.0.ffn_norm", "output_norm" })
        {
            builder.Tensor($"{norm}.weight", 0, new byte[sizeof(float) * Width], Width);
        }

        File.WriteAllBytes(file, builder.Build());
        return file;
    }

    private sealed class Progress(Action report) : IProgress<LoadProgress>
    {
        public void Report(LoadProgress value) => report();
    }

    private sealed class ThrowingSink : IStepSink
    {
        public void OnStep(StepBatch batch) => throw new InvalidOperationException("full");
    }
}
