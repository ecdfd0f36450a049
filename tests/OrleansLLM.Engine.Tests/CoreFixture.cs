using Microsoft.Extensions.Logging.Testing;
using OrleansLLM.Compute;
using OrleansLLM.Models;
using OrleansLLM.Sequences;
using OrleansLLM.Testing;

namespace OrleansLLM.Engine.Tests;

/// <summary>
/// An engine without its thread over the fake model, driven step by step. Every token, end and log probability that it publishes is compared with
/// what the model's and the sampler's definitions give for that sequence alone.
/// </summary>
internal sealed class CoreFixture : IStepSink, IDisposable
{
    private readonly FakeModelDevice _device;
    private readonly FakeLogger<InferenceEngine> _logger = new();
    private bool _isStepRunning;

    public CoreFixture(EngineOptions options, int[] windows, int transferPolls = 0, int dynamicRopeOrigin = 0, TimeProvider? time = null)
    {
        _device = new FakeModelDevice(transferPolls);
        Model = new FakeModel(options.BlockSize, windows, vocabulary: 32, maxLength: 4096, options.MaxBatchedTokens, dynamicRopeOrigin);
        Core = new EngineCore(Model, _device, options, time ?? TimeProvider.System, _logger);
        Admission = new Admission(Core.Facts, Core.Shape);
        Inbox = new Inbox(options, time ?? TimeProvider.System);
    }

    public FakeModel Model { get; }

    public EngineCore Core { get; }

    public FakeModelDevice Device => _device;

    public Admission Admission { get; }

    public Inbox Inbox { get; }

    public FakeLogCollector Log => _logger.Collector;

    private readonly Dictionary<SequenceId, Epoch> _epochs = [];

    /// <summary>Every sequence that is or was here.</summary>
    public Dictionary<SequenceId, Expectation> Answers { get; } = [];

    public static CacheShape Shape(int blockSize, int[] windows) => new(
        new CacheLayout(new KvGeometry(blockSize, 1, 1, 1, 1, ElementType.Float32), [.. windows.Select(window => new CacheGroup(window))]), 16);

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

    public static Epoch Epoch(int attempt) => new((long)attempt << 32);

    /// <summary>The latest attempt at it.</summary>
    public AttemptId AttemptAt(SequenceId sequence) => new(sequence, _epochs.GetValueOrDefault(sequence));

    public SequenceId[] Submit(GenerationRequest request, int epoch = 1, int[]? output = null, params JournalChange[] changes)
    {
        var begun = Journal.Begin(request);
        return Submit(new Attempt(request, Epoch(epoch), [.. begun.Sequences.Select(sequence => sequence with { Output = output ?? [], Changes = changes })]));
    }

    public SequenceId[] Submit(Attempt attempt)
    {
        Assert.Null(Admission.Check(attempt));
        foreach (var sequence in attempt.Sequences)
        {
            var answer = new Expectation(attempt.Request, sequence.Id.Index, [.. attempt.Request.PromptIds.ToArray(), .. sequence.Output.ToArray()]);
            Answers[sequence.Id] = answer;
            _epochs[sequence.Id] = attempt.Epoch;
            foreach (var noted in sequence.Changes)
            {
                answer.Change(noted);
            }
        }

        Assert.Equal(SubmitVerdict.Taken, Inbox.Submit(Core.Prepare(attempt), this).Verdict);
        Deliver();
        return [.. attempt.Sequences.Select(sequence => sequence.Id)];
    }

    public SequenceId Fork(Sequence parent, int at, int index) => Fork(Inbox.View(AttemptAt(parent.Id))!.Value, at, index);

    public SequenceId Fork(SequenceView parent, int at, int index)
    {
        var child = new SequenceId(parent.Sequence.Id.Request, index);
        var prompt = Math.Min(at, parent.Sequence.PromptLength);
        var request = parent.Sequence.Request with
        {
            PromptIds = parent.Sequence.Request.PromptIds[..prompt],
            Sampling = parent.Sampling,
            MaxTokens = parent.MaxTokens,
        };
        var tokens = new int[at];
        parent.Sequence.CopyTo(tokens);
        Answers[child] = new Expectation(request, index, [.. tokens]);
        _epochs[child] = parent.Sequence.Epoch;
        var fork = new Sequence(request, parent.Sequence.Epoch, child, tokens.AsSpan(prompt), Core.Shape);
        fork.MakeRoom();
        Assert.True(Inbox.TryFork(parent, [fork]));
        Deliver();
        return child;
    }

    public int? Change(SequenceId sequence, SequenceChange change)
    {
        var position = Inbox.Change(AttemptAt(sequence), change, Core.Prepare(change));
        if (position is { } from)
        {
            Answers[sequence].Change(new JournalChange(from, change));
        }

        Deliver();
        return position;
    }

    public void Abort(SequenceId sequence)
    {
        Inbox.Abort(AttemptAt(sequence));
        Answers[sequence].IsAborted = true;
        Deliver();
    }

    /// <summary>Begins a step, as the loop does; what is asked until <see cref="EndStep"/> is asked while it runs.</summary>
    public void BeginStep()
    {
        Assert.True(Inbox.TryDeliver(Core));
        _isStepRunning = true;
    }

    /// <summary>Computes the step that was begun.</summary>
    public bool EndStep()
    {
        _isStepRunning = false;
        var worked = Core.Compute();
        Core.Publish();
        return worked;
    }

    public bool Step()
    {
        BeginStep();
        return EndStep();
    }

    /// <summary>From now on a sequence goes another way than its parent.</summary>
    public void Forbid(SequenceId sequence, int token) => Change(
        sequence, new SequenceChange(Sampling: new SamplingParameters { Temperature = 0, LogitBias = [new(token, float.NegativeInfinity)] }));

    public void RunToRest(int atMost = 10_000)
    {
        for (var step = 0; !Core.IsIdle; step++)
        {
            Assert.True(step < atMost, $"{Core.Sequences.Count} sequences still run after {atMost} steps.");
            Step();
        }

        Assert.Null(Core.FindLeak());
        Assert.Empty(Log.GetSnapshot().Select(record => record.Exception?.ToString() ?? record.Message));
    }

    public void OnStep(StepBatch batch)
    {
        for (var i = 0; i < batch.Entries.Count; i++)
        {
            var entry = batch.Entries[i];
            var answer = Answers[entry.Sequence];
            Assert.Null(answer.End);
            Assert.False(answer.IsAborted, $"{entry.Sequence} was aborted and still publishes.");
            answer.ChangeIfDue();
            Assert.Equal(answer.Tokens.Count, entry.Position);
            CheckPromptLogprobs(answer, entry);
            if (entry.Token is { } token)
            {
                CheckToken(answer, entry, token);
            }
            else if (entry.End!.Reason == FinishReason.Length)
            {
                Assert.True(answer.IsFull(Core.Facts.MaxLength), $"{entry.Sequence} ended at {answer.Tokens.Count} tokens.");
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

    /// <summary>Not into a running step: the loop's thread would not.</summary>
    private void Deliver()
    {
        if (!_isStepRunning)
        {
            Inbox.Deliver(Core);
        }
    }

    private void CheckToken(Expectation answer, StepEntry entry, int token)
    {
        Assert.False(answer.IsFull(Core.Facts.MaxLength), $"{entry.Sequence} got a token behind its last one.");
        var logits = Model.Logits(answer.Tokens.ToArray(), answer.PromptLength);
        var expected = SamplingDefinition.Draw(logits, answer.Request, answer.Sampling, answer.Sample, [.. answer.Tokens]);
        Assert.True(expected == token, $"{entry.Sequence} has {token} at {entry.Position} instead of {expected}.");
        Assert.Equal(answer.Sampling.Logprobs is not null, entry.Logprobs is not null);
        if (entry.Logprobs is { } logprobs)
        {
            CheckLogprobs(logits, token, logprobs, answer.Sampling.Logprobs!.Value);
        }

        answer.Tokens.Add(token);
        answer.ChangeIfDue();
        Assert.Equal(answer.ExpectedEnd(Core.Facts.MaxLength), entry.End);
    }

    /// <summary>They come once, with the first token, whatever was cached.</summary>
    private void CheckPromptLogprobs(Expectation answer, StepEntry entry)
    {
        var wanted = entry.Token is not null && answer.WantsPromptLogprobs;
        Assert.True(wanted == entry.PromptLogprobs is not null || entry.Token is null);
        if (entry.PromptLogprobs is not { } logprobs)
        {
            return;
        }

        answer.WantsPromptLogprobs = false;
        Assert.Equal(answer.PromptLength, logprobs.Count);
        Assert.Null(logprobs[0]);
        var prompt = answer.Request.PromptIds.Span;
        for (var position = 1; position < logprobs.Count; position++)
        {
            CheckLogprobs(Model.Logits(prompt[..position], answer.PromptLength), prompt[position], logprobs[position]!, answer.Request.Sampling.PromptLogprobs!.Value);
        }
    }

    private static void CheckLogprobs(float[] logits, int token, TokenLogprobs actual, int top)
    {
        var total = Math.Log(logits.Sum(logit => Math.Exp(logit)));
        Assert.Equal(logits[token] - total, actual.Logprob, 1e-4);
        Assert.Equal(1 + logits.Count(logit => logit > logits[token]), actual.Rank);
        Assert.Equal(
            Enumerable.Range(0, logits.Length).OrderByDescending(id => logits[id]).ThenBy(id => id).Take(top), actual.TopIds.ToArray());
    }

    /// <summary>What a sequence must give, by the definitions.</summary>
    internal sealed class Expectation(GenerationRequest request, int sample, List<int> tokens)
    {
        private readonly Queue<JournalChange> _changes = [];

        public GenerationRequest Request { get; } = request;

        public int Sample { get; } = sample;

        public int PromptLength => Request.PromptIds.Length;

        /// <summary>Prompt and what was published.</summary>
        public List<int> Tokens { get; } = tokens;

        public SamplingParameters Sampling { get; private set; } = request.Sampling;

        public int MaxTokens { get; private set; } = request.MaxTokens;

        public bool WantsPromptLogprobs { get; set; } = request.Sampling.PromptLogprobs is not null && tokens.Count == request.PromptIds.Length;

        public int CachedTokens { get; set; }

        public SequenceEnd? End { get; set; }

        public bool IsAborted { get; set; }

        public void Change(JournalChange change)
        {
            _changes.Enqueue(change);
            ChangeIfDue();
        }

        public void ChangeIfDue()
        {
            while (_changes.TryPeek(out var next) && next.Position <= Tokens.Count)
            {
                Sampling = next.Change.Sampling ?? Sampling;
                MaxTokens = next.Change.MaxTokens ?? MaxTokens;
                _changes.Dequeue();
            }
        }

        public bool IsFull(int maxLength) => Tokens.Count - PromptLength >= MaxTokens || Tokens.Count >= maxLength;

        /// <summary>After the last token.</summary>
        public SequenceEnd? ExpectedEnd(int maxLength) =>
            Tokens.Count - PromptLength >= Request.MinTokens && Request.StopTokenIds.Contains(Tokens[^1]) ? new SequenceEnd(FinishReason.Stop, Tokens[^1])
                : IsFull(maxLength) ? new SequenceEnd(FinishReason.Length)
                : null;
    }
}
