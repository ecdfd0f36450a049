using OrleansLLM.Compute;
using OrleansLLM.Compute.Cpu;
using OrleansLLM.Models;
using OrleansLLM.Testing;

namespace OrleansLLM.Engine.Tests;

/// <summary>The bundled model on the CPU device: an answer has the same bits whatever is cached and whatever else runs.</summary>
public sealed class DeterminismTests : IDisposable
{
    private const int NewTokens = 12;

    private readonly CpuDevice _device = CpuDevice.Create(new CpuDeviceOptions { Threads = 2 });
    private readonly ICausalModel _model;
    private readonly InferenceEngine _engine;
    private readonly EngineGenerator _generator;

    public DeterminismTests()
    {
        using var file = ModelFile.Open(ReferenceData.Atlas);
        _model = file.Load(_device, new ModelLoadOptions(MaxRows: 64, BlockSize: 16, ElementType.BFloat16));
        _engine = new InferenceEngine(_model, _device, Options(400));
        _generator = new EngineGenerator(_engine, TimeProvider.System);
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_cold_and_a_warm_prefix_give_the_same_bits()
    {
        var cold = await AnswerAsync(Prompt(1, 77));
        var warm = await AnswerAsync(Prompt(1, 77));
        Assert.Equal(0, cold.CachedTokens);
        Assert.True(warm.CachedTokens >= 64, $"only {warm.CachedTokens} prompt tokens came from the prefix cache");
        Assert.Equal(cold.Tokens, warm.Tokens);
        Assert.Equal(cold.Logprobs, warm.Logprobs);
    }

    [Fact]
    public async Task A_seeded_answer_has_the_same_bits_whatever_else_runs()
    {
        var alone = await AnswerAsync(Prompt(2, 50));
        var others = Enumerable.Range(3, 9).Select(seed => AnswerAsync(Prompt(seed, 10 + (7 * seed)))).ToList();
        var among = await AnswerAsync(Prompt(2, 50), salt: "cold again");
        await Task.WhenAll(others);
        Assert.Equal(0, among.CachedTokens);
        Assert.Equal(alone.Tokens, among.Tokens);
        Assert.Equal(alone.Logprobs, among.Logprobs);
    }

    [Theory]
    [InlineData(PreemptionMode.Recompute)]
    [InlineData(PreemptionMode.Swap)]
    public async Task A_seeded_answer_has_the_same_bits_when_it_was_pushed_out(PreemptionMode mode)
    {
        var alone = new List<Answer>();
        for (var seed = 20; seed < 23; seed++)
        {
            alone.Add(await AnswerAsync(Prompt(seed, 45)));
        }

        // Three prompts fit these ten blocks, their answers do not.
        using var engine = new InferenceEngine(_model, _device, Options(10) with { Preemption = mode });
        using var generator = new EngineGenerator(engine, TimeProvider.System);
        using var arrived = new ManualResetEventSlim();
        var held = engine.AskAsync(_ => arrived.Wait(TimeSpan.FromSeconds(30), Cancellation), false);
        var together = Enumerable.Range(20, 3).Select(seed => AnswerAsync(Prompt(seed, 45), generator: generator)).ToArray();
        arrived.Set();
        Assert.True(await held);
        var answers = await Task.WhenAll(together);
        Assert.Equal(alone.Select(answer => answer.Tokens), answers.Select(answer => answer.Tokens));
        Assert.Equal(alone.Select(answer => answer.Logprobs), answers.Select(answer => answer.Logprobs));
        Assert.True((mode == PreemptionMode.Swap ? engine.Statistics.PreemptionsBySwap : engine.Statistics.PreemptionsByRecompute) > 0);
    }

    public void Dispose()
    {
        _generator.Dispose();
        _engine.Dispose();
        _model.Dispose();
        _device.Dispose();
    }

    private EngineOptions Options(int blocks) => new()
    {
        Model = "atlas",
        KvCacheBytes = blocks * _model.Facts.Cache.Geometry.BytesPerBlock,
        MaxBatchedTokens = 64,
        MaxSequences = 16,
    };

    private int[] Prompt(int seed, int length)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, length).Select(_ => random.Next(_model.Facts.VocabularySize))];
    }

    private async Task<Answer> AnswerAsync(int[] prompt, string salt = "", EngineGenerator? generator = null)
    {
        generator ??= _generator;
        var request = new GenerationRequest
        {
            Id = RequestId.Create(),
            Model = "atlas",
            PromptIds = prompt,
            MaxTokens = NewTokens,
            CacheSalt = salt,
            Sampling = new SamplingParameters { Temperature = 0.9f, TopP = 0.95f, Seed = 7, Logprobs = 0 },
        };
        var accepted = Assert.IsType<SubmitResult.Accepted>(await generator.SubmitAsync(request, Cancellation));
        var (tokens, logprobs) = (new List<int>(), new List<float>());
        await foreach (var range in generator.ReadAsync(accepted.Sequences[0], prompt.Length, Cancellation))
        {
            tokens.AddRange(range.Ids.Span);
            logprobs.AddRange(range.Logprobs.ToArray().Select(entry => entry!.Logprob));
        }

        Assert.Equal(NewTokens, tokens.Count);
        var described = await generator.DescribeAsync(accepted.Sequences[0], Cancellation);
        return new Answer(tokens, logprobs, described!.CachedTokens);
    }

    private sealed record Answer(List<int> Tokens, List<float> Logprobs, int CachedTokens);
}
