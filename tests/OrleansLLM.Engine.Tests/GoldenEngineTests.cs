using System.Text.Json;
using OrleansLLM.Compute;
using OrleansLLM.Compute.Cpu;
using OrleansLLM.Models;
using OrleansLLM.Testing;

namespace OrleansLLM.Engine.Tests;

/// <summary>
/// Reference models through the whole engine on the CPU device in float32: chunked prefill, both block sizes, alone, batched, and resumed after
/// preemption by each forced mode.
/// </summary>
[Trait("Category", "Reference")]
public class GoldenEngineTests
{
    public static TheoryData<string> Folders => [.. ReferenceData.Cases("hf", "golden.json")];

    public static TheoryData<string> FoldersOfTransformers4 => [.. ReferenceData.Cases("hf", "config.v4.json")];

    public static TheoryData<string> Checkpoints => [.. ReferenceData.Cases("formats/checkpoints", "golden.json")];

    public static TheoryData<string> GgufFolders => [.. ReferenceData.Cases("gguf", "golden.json")];

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Folders))]
    public Task A_folder_generates_what_transformers_generates(string folder) => CheckAsync(folder, folder);

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(FoldersOfTransformers4))]
    public async Task A_folder_as_transformers_4_described_it_generates_the_same(string folder)
    {
        using var older = new OlderFolder(folder);
        await CheckAsync(folder, older.Path);
    }

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Checkpoints))]
    public Task A_checkpoint_of_any_format_generates_what_transformers_generates(string folder) => CheckAsync(folder, folder);

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(GgufFolders))]
    public Task A_gguf_file_generates_what_transformers_generates(string folder) => CheckAsync(folder, ModelFeatures.GgufPath(folder));

    private static async Task CheckAsync(string folder, string path)
    {
        Feature.SkipUnlessBuilt(ModelFeatures.KindOf(folder));
        Feature.SkipUnlessBuilt(ModelFeatures.Of(path));
        var golden = JsonSerializer.Deserialize<GoldenAnswers>(File.ReadAllBytes(Path.Combine(folder, "golden.json")), JsonOptions)!;
        using var file = ModelFile.Open(path);
        foreach (var blockSize in new[] { 4, 16 })
        {
            using var run = new GoldenRun(file, golden, blockSize);
            await run.CheckAloneAsync();
            await run.CheckBatchedAsync();
            await run.CheckPreemptedAsync(PreemptionMode.Recompute);
            await run.CheckPreemptedAsync(PreemptionMode.Swap);
        }
    }

    private static JsonSerializerOptions JsonOptions { get; } = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };
}

internal sealed record GoldenAnswers(int[][] Prompts, int[][] Argmax, int[][] Greedy, float[] Margin);

/// <summary>One model with one block size in several engines, each compared with the recorded answers and with the first.</summary>
internal sealed class GoldenRun : IDisposable
{
    private const int NewTokens = 24;
    private const float CertainMargin = 1e-3f;

    private readonly GoldenAnswers _golden;
    private readonly CpuDevice _device = CpuDevice.Create(new CpuDeviceOptions { Threads = 1, Arithmetic = Arithmetic.Float32 });
    private readonly ICausalModel _model;
    private readonly int _blockSize;
    private readonly List<Answer> _alone = [];

    public GoldenRun(ModelFile file, GoldenAnswers golden, int blockSize)
    {
        (_golden, _blockSize) = (golden, blockSize);
        _model = file.Load(_device, new ModelLoadOptions(MaxRows: 64, blockSize, ElementType.Float32));
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private int Longest => _golden.Prompts.Max(prompt => prompt.Length) + NewTokens;

    public async Task CheckAloneAsync()
    {
        using var engine = new InferenceEngine(_model, _device, Options(1000) with { MaxBatchedTokens = 13 });
        using var generator = new EngineGenerator(engine, TimeProvider.System);
        for (var prompt = 0; prompt < _golden.Prompts.Length; prompt++)
        {
            var answer = await ReadAsync(generator, await SubmitAsync(generator, prompt, promptLogprobs: 2));
            CheckArgmax(prompt, answer);
            CheckGreedy(prompt, answer);
            _alone.Add(answer);
        }
    }

    public async Task CheckBatchedAsync()
    {
        using var engine = new InferenceEngine(_model, _device, Options(1000) with { MaxBatchedTokens = 64 });
        using var generator = new EngineGenerator(engine, TimeProvider.System);
        await CheckTogetherAsync(engine, generator, copies: 2);
    }

    public async Task CheckPreemptedAsync(PreemptionMode mode)
    {
        var layout = _model.Facts.Cache;
        var blocks = (layout with { Geometry = layout.Geometry with { BlockSize = _blockSize } }).MostBlocksOf(Longest, 16) + 1;
        var options = Options(blocks) with { MaxBatchedTokens = 16, Preemption = mode, PrefixCaching = PrefixCaching.Off };
        using var engine = new InferenceEngine(_model, _device, options);
        using var generator = new EngineGenerator(engine, TimeProvider.System);
        await CheckTogetherAsync(engine, generator, copies: 3);
        var statistics = engine.Statistics;
        Assert.True((mode == PreemptionMode.Swap ? statistics.PreemptionsBySwap : statistics.PreemptionsByRecompute) > 0, $"nothing was preempted by {mode}");
        Assert.Null(await engine.FindLeakAsync(Cancellation));
    }

    public void Dispose()
    {
        _model.Dispose();
        _device.Dispose();
    }

    private EngineOptions Options(int blocks) => new()
    {
        Model = "golden",
        BlockSize = _blockSize,
        KvCacheBytes = blocks * _model.Facts.Cache.Geometry.BytesPerBlock,
        MaxModelLength = Longest,
        MaxSequences = 16,
    };

    private async Task CheckTogetherAsync(InferenceEngine engine, EngineGenerator generator, int copies)
    {
        // The step's thread is held until all have arrived, so that they meet in the same steps.
        using var arrived = new ManualResetEventSlim();
        var held = engine.AskAsync(core => arrived.Wait(TimeSpan.FromSeconds(30), Cancellation), false);
        var submissions = Enumerable.Range(0, copies * _golden.Prompts.Length)
            .Select(i => SubmitAsync(generator, i % _golden.Prompts.Length, null)).ToArray();
        arrived.Set();
        Assert.True(await held);
        var sequences = await Task.WhenAll(submissions);
        for (var i = 0; i < sequences.Length; i++)
        {
            var (alone, together) = (_alone[i % _golden.Prompts.Length], await ReadAsync(generator, sequences[i]));
            Assert.Equal(alone.Tokens, together.Tokens);
            Assert.Equal(alone.LastLogprobs(NewTokens), together.LastLogprobs(NewTokens));
        }
    }

    private async Task<SequenceId> SubmitAsync(EngineGenerator generator, int prompt, int? promptLogprobs)
    {
        var request = new GenerationRequest
        {
            Id = RequestId.Create(),
            Model = "golden",
            PromptIds = _golden.Prompts[prompt],
            MaxTokens = NewTokens,
            Linger = TimeSpan.FromMinutes(1),
            Sampling = new SamplingParameters { Temperature = 0, Logprobs = 2, PromptLogprobs = promptLogprobs },
        };
        return Assert.IsType<SubmitResult.Accepted>(await generator.SubmitAsync(request, Cancellation)).Sequences[0];
    }

    private static async Task<Answer> ReadAsync(EngineGenerator generator, SequenceId sequence)
    {
        var answer = new Answer();
        await foreach (var range in generator.ReadAsync(sequence, 0, Cancellation))
        {
            answer.Tokens.AddRange(range.Ids.Span);
            answer.Logprobs.AddRange(range.Logprobs.Span);
            answer.End = range.End;
        }

        Assert.Equal(FinishReason.Length, answer.End?.Reason);
        return answer;
    }

    private void CheckArgmax(int prompt, Answer answer)
    {
        var expected = _golden.Argmax[prompt];
        for (var position = 0; position < expected.Length; position++)
        {
            var next = answer.Logprobs[position + 1]!;
            Assert.True(
                next.TopIds.Span[0] == expected[position] || OwnMargin(next) < CertainMargin,
                $"prompt {prompt}: argmax {next.TopIds.Span[0]} at {position} instead of {expected[position]}");
        }
    }

    private void CheckGreedy(int prompt, Answer answer)
    {
        var length = _golden.Prompts[prompt].Length;
        var origin = _model.Facts.DynamicRopeOrigin;
        if (origin > 0 && length + NewTokens >= origin)
        {
            return;
        }

        for (var i = 0; i < NewTokens; i++)
        {
            if (_golden.Margin[prompt] < CertainMargin && OwnMargin(answer.Logprobs[length + i]!) < CertainMargin)
            {
                return;
            }

            Assert.True(
                _golden.Greedy[prompt][i] == answer.Tokens[length + i],
                $"prompt {prompt}, step {i}: {answer.Tokens[length + i]} instead of {_golden.Greedy[prompt][i]}");
        }
    }

    private static float OwnMargin(TokenLogprobs logprobs) => logprobs.TopLogprobs.Span[0] - logprobs.TopLogprobs.Span[1];

    private sealed class Answer
    {
        public List<int> Tokens { get; } = [];

        public List<TokenLogprobs?> Logprobs { get; } = [];

        public SequenceEnd? End { get; set; }

        /// <summary>Of the last tokens, to the bit.</summary>
        public IEnumerable<float> LastLogprobs(int count) => Logprobs.TakeLast(count).Select(logprobs => logprobs!.Logprob);
    }
}
