using OrleansLLM.Testing;

namespace OrleansLLM.Engine.Tests;

/// <summary>An engine without its thread over the fake model, driven step by step; what it publishes is checked against the model's definition.</summary>
internal sealed class CoreFixture : IStepSink, IDisposable
{
    private readonly FakeModelDevice _device;

    public CoreFixture(EngineOptions options, int[] windows, int transferPolls = 0, int dynamicRopeOrigin = 0)
    {
        _device = new FakeModelDevice(transferPolls);
        Model = new FakeModel(options.BlockSize, windows, vocabulary: 32, maxLength: 4096, options.MaxBatchedTokens, dynamicRopeOrigin);
        Core = new EngineCore(Model, _device, options, TimeProvider.System, Log.Add);
        Admission = new Admission(Core.Facts, Core.Shape);
    }

    public FakeModel Model { get; }

    public EngineCore Core { get; }

    public Admission Admission { get; }

    public List<string> Log { get; } = [];

    /// <summary>Prompt and published tokens of every sequence that is or was here.</summary>
    public Dictionary<SequenceId, Expectation> Answers { get; } = [];

    public static EngineOptions Options(int blocks, int blockSize = 4) => new()
    {
        Model = "fake",
        BlockSize = blockSize,
        KvCacheBytes = blocks * blockSize * 8L,
        MaxBatchedTokens = 16,
        MaxSequences = 6,
    };

    public static GenerationRequest Request(int[] prompt, int maxTokens) => new()
    {
        Id = RequestId.Create(),
        Model = "fake",
        PromptIds = prompt,
        MaxTokens = maxTokens,
        Sampling = new SamplingParameters { Temperature = 0 },
    };

    public SequenceId[] Submit(GenerationRequest request, int epoch = 1, int[]? output = null)
    {
        var ids = Enumerable.Range(0, request.Samples).Select(i => new SequenceId(request.Id, i)).ToArray();
        var attempt = new Attempt(request, epoch, [.. ids.Select(id => new AttemptSequence(id, output ?? []))]);
        Assert.Null(Admission.Check(attempt));
        foreach (var id in ids)
        {
            Answers[id] = new Expectation(request.PromptIds.Length, [.. request.PromptIds.ToArray(), .. output ?? []]);
        }

        Assert.IsType<SubmitResult.Accepted>(
            Core.Submit([.. attempt.Sequences.Select(sequence => new Sequence(request, epoch, sequence, Core.Shape))], this));
        return ids;
    }

    public SequenceId Fork(Sequence parent, int at, int index)
    {
        var child = new SequenceId(parent.Id.Request, index);
        var prompt = Math.Min(at, parent.PromptLength);
        var request = parent.Request with { PromptIds = parent.Request.PromptIds[..prompt], MaxTokens = parent.MaxTokens };
        Answers[child] = new Expectation(prompt, [.. parent.Tokens[..at]]);
        Core.AddFork(parent, new Sequence(request, parent.Epoch, child, parent.Tokens[prompt..at], Core.Shape));
        return child;
    }

    /// <summary>From now on a sequence goes another way than its parent.</summary>
    public void Forbid(SequenceId sequence, int token)
    {
        Answers[sequence].Forbidden = token;
        Core.Change(sequence, new SequenceChange(Sampling: new SamplingParameters { Temperature = 0, LogitBias = [new(token, float.NegativeInfinity)] }));
    }

    public void RunToRest(int atMost = 100_000)
    {
        for (var step = 0; !Core.IsIdle; step++)
        {
            Assert.True(step < atMost, $"{Core.Sequences.Count} sequences still run after {atMost} steps.");
            Core.Step();
        }

        Assert.Null(Core.FindLeak());
        Assert.Empty(Log);
    }

    public void OnStep(StepBatch batch)
    {
        for (var i = 0; i < batch.Entries.Count; i++)
        {
            var entry = batch.Entries[i];
            var answer = Answers[entry.Sequence];
            Assert.Null(answer.End);
            Assert.Equal(answer.Tokens.Count, entry.Position);
            if (entry.Token is { } token)
            {
                var logits = Model.Logits(answer.Tokens.ToArray(), answer.PromptLength);
                if (answer.Forbidden >= 0)
                {
                    logits[answer.Forbidden] = float.NegativeInfinity;
                }

                var expected = FakeModel.ArgMax(logits);
                Assert.True(expected == token, $"{entry.Sequence} has {token} at {entry.Position} instead of {expected}.");
                answer.Tokens.Add(token);
            }

            answer.CachedTokens = entry.CachedTokens;
            answer.End = entry.End;
        }
    }

    public void Dispose()
    {
        Core.Dispose();
        _device.Dispose();
    }

    internal sealed class Expectation(int promptLength, List<int> tokens)
    {
        public int PromptLength { get; } = promptLength;

        public List<int> Tokens { get; } = tokens;

        public int CachedTokens { get; set; }

        /// <summary>A token that it must not draw, or -1.</summary>
        public int Forbidden { get; set; } = -1;

        public SequenceEnd? End { get; set; }
    }
}
