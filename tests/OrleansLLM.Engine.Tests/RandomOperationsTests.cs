using OrleansLLM.Sequences;

namespace OrleansLLM.Engine.Tests;

/// <summary>
/// A million random operations over a full and a window group with a pool under pressure. Every published token is compared with the model's
/// and the sampler's definition, every reference count with a recount; whenever the engine comes to rest the idle check finds nothing.
/// </summary>
public class RandomOperationsTests
{
    private const int Operations = 210_000;

    [Theory]
    [InlineData(PreemptionMode.Recompute, PrefixCaching.On, 0, 0, 1)]
    [InlineData(PreemptionMode.Swap, PrefixCaching.On, 2, 0, 2)]
    [InlineData(PreemptionMode.Swap, PrefixCaching.Off, 0, 0, 3)]
    [InlineData(PreemptionMode.Recompute, PrefixCaching.Off, 0, 0, 4)]
    [InlineData(PreemptionMode.Recompute, PrefixCaching.On, 0, 16, 5)]
    public void Random_operations_hold_the_promises(PreemptionMode mode, PrefixCaching caching, int transferPolls, int ropeOrigin, int seed)
    {
        var options = CoreFixture.Options(blocks: 36) with { Preemption = mode, PrefixCaching = caching, MaxModelLength = 60 };
        using var fixture = new CoreFixture(options, [0, 6], transferPolls, ropeOrigin);
        var run = new RandomRun(fixture, new Random(seed));
        while (run.Operations < Operations)
        {
            TestContext.Current.CancellationToken.ThrowIfCancellationRequested();
            run.Burst();
        }

        var statistics = fixture.Core.Statistics;
        Assert.True(statistics.Preemptions > 1000, $"Only {statistics.Preemptions} preemptions: the pool was not under pressure.");
        Assert.True(mode == PreemptionMode.Recompute ? statistics.PreemptionsBySwap == 0 : statistics.PreemptionsBySwap > 1000);
        Assert.True(caching == PrefixCaching.On ? statistics.PrefixHits > 1000 : statistics.PrefixHits == 0);
        SequenceState[] pushedOut = mode == PreemptionMode.Recompute
            ? [SequenceState.Preempted]
            : [SequenceState.SwappingOut, SequenceState.Swapped, SequenceState.SwappingIn];
        foreach (var state in pushedOut.Append(SequenceState.Waiting).Append(SequenceState.AwaitingPrompt).Append(SequenceState.Running))
        {
            Assert.True(run.Cancelled.GetValueOrDefault(state) > 10, $"{run.Cancelled.GetValueOrDefault(state)} sequences were cancelled while {state}.");
        }

        Assert.True(run.CancelledInPrefill > 10 && run.ForksInMidBlock > 500, $"{run.CancelledInPrefill} in prefill, {run.ForksInMidBlock} forks");
    }

    [Fact]
    public void A_planted_leak_is_found()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(blocks: 36), [0, 6]);
        fixture.Submit(CoreFixture.Request([1, 2, 3, 4, 5], 8));
        fixture.RunToRest();
        var block = fixture.Core.Blocks.Pool.Take();
        Assert.Contains($"Block {block} still has 1 references", fixture.Core.FindLeak(), StringComparison.Ordinal);
    }

    private sealed class RandomRun(CoreFixture fixture, Random random)
    {
        private readonly int[][] _stems = [.. Enumerable.Range(0, 5).Select(_ => RandomTokens(random, 40))];
        private readonly Dictionary<RequestId, int> _nextIndex = [];
        private int _commands;

        /// <summary>By what they were at.</summary>
        public Dictionary<SequenceState, int> Cancelled { get; } = [];

        public int CancelledInPrefill { get; private set; }

        public int ForksInMidBlock { get; private set; }

        public long Operations => _commands + fixture.Model.ComputedRows;

        /// <summary>A few hundred commands and steps, then all that is left runs to its end.</summary>
        public void Burst()
        {
            fixture.Answers.Clear();
            _nextIndex.Clear();
            for (var i = 0; i < 300; i++)
            {
                for (var commands = random.Next(4); commands > 0; commands--)
                {
                    Command();
                }

                var before = fixture.Model.ComputedRows;
                fixture.BeginStep();
                for (var commands = random.Next(3); commands > 0; commands--)
                {
                    Command();
                }

                fixture.EndStep();
                Assert.InRange(fixture.Model.ComputedRows - before, 0, 16);
                Assert.InRange(fixture.Core.Statistics.Load.Running, 0, 6);
                CheckReferences();
            }

            fixture.RunToRest();
            Assert.All(fixture.Answers, answer => Assert.True(answer.Value.End is not null || answer.Value.Tokens.Count > 0));
        }

        private void Command()
        {
            _commands++;
            var sequences = Live();
            switch (random.Next(10))
            {
                case < 4 when sequences.Count < 14:
                    Submit();
                    break;
                case 4 when sequences.Count is > 0 and < 14:
                    Fork(Pick());
                    break;
                case 5 when sequences.Count > 0:
                    Cancel(Pick());
                    break;
                case 6 when sequences.Count > 0:
                    fixture.Change(Pick().Id, new SequenceChange(
                        random.Next(4) == 0 ? random.Next(1, 12) : null, random.Next(3), random.Next(4) == 0 ? Sampling() : null));
                    break;
            }
        }

        private void Submit()
        {
            var stem = _stems[random.Next(_stems.Length)];
            int[] prompt = [.. stem[..random.Next(1, stem.Length)], .. RandomTokens(random, random.Next(4))];
            var maxTokens = random.Next(0, 16);
            var request = CoreFixture.Request(prompt, maxTokens) with
            {
                Samples = random.Next(3) == 0 ? random.Next(2, 5) : 1,
                PromptIndex = random.Next(3),
                Priority = random.Next(2),
                Sampling = random.Next(4) == 0 ? Sampling() : new SamplingParameters { Temperature = 0 },
                StopTokenIds = random.Next(4) == 0 ? RandomTokens(random, 2) : [],
                MinTokens = random.Next(3) == 0 ? random.Next(maxTokens + 1) : 0,
            };
            var isResumed = random.Next(5) == 0 && request.MaxTokens > 2;
            fixture.Submit(new Attempt(request, CoreFixture.Epoch(isResumed ? 2 : 1), [.. Journal.Begin(request).Sequences.Select(
                sequence => sequence with { Output = isResumed ? fixture.Model.Continue(prompt, random.Next(4)) : [] })]));
            _nextIndex[request.Id] = request.Samples;
        }

        private void Fork(Sequence parent)
        {
            var index = _nextIndex[parent.Id.Request]++;
            var at = random.Next(3) > 0 ? random.Next(1, parent.Count + 1) : parent.Count;
            ForksInMidBlock += at % 4 == 0 ? 0 : 1;
            var child = fixture.Fork(parent, at, index);
            if (at < parent.Count && random.Next(2) == 0)
            {
                fixture.Forbid(child, parent.Tokens[at]);
            }

            if (random.Next(3) == 0)
            {
                Cancel(parent);
            }
        }

        private void Cancel(Sequence sequence)
        {
            Cancelled[sequence.State] = Cancelled.GetValueOrDefault(sequence.State) + 1;
            CancelledInPrefill += sequence.State == SequenceState.Running && sequence.Computed < sequence.PromptLength ? 1 : 0;
            fixture.Abort(sequence.Id);
        }

        private SamplingParameters Sampling() => new()
        {
            Temperature = random.Next(3) * 0.7f,
            TopP = Math.Min(1, 0.3f + (1.4f * random.NextSingle())),
            TopK = random.Next(2) * random.Next(1, 40),
            MinP = random.Next(2) * 0.2f * random.NextSingle(),
            RepetitionPenalty = random.Next(2) == 0 ? 1 : 0.7f + random.NextSingle(),
            PresencePenalty = random.Next(2) * random.NextSingle(),
            FrequencyPenalty = random.Next(2) * (random.NextSingle() - 0.3f),
            LogitBias = random.Next(3) == 0 ? [new(random.Next(32), (4 * random.NextSingle()) - 2)] : [],
            AllowedTokenIds = random.Next(4) == 0 ? [2, 3, 5, 7, 11, 13, 17, 19, 23, 29] : [],
            BadWords = random.Next(3) == 0 ? [RandomTokens(random, 1), RandomTokens(random, 2)] : [],
            Seed = (ulong)random.NextInt64(),
            Logprobs = random.Next(3) == 0 ? random.Next(4) : null,
            PromptLogprobs = random.Next(6) == 0 ? 1 : null,
        };

        private Sequence Pick()
        {
            var live = Live();
            return live[random.Next(live.Count)];
        }

        /// <summary>What the core holds, but for those that were ended while the step runs.</summary>
        private List<Sequence> Live() => [.. fixture.Core.Sequences.Where(sequence => fixture.Inbox.View(fixture.AttemptAt(sequence.Id))?.Sequence == sequence)];

        private void CheckReferences()
        {
            if (fixture.Core.Swap.IsUnderWay)
            {
                return;
            }

            var blocks = fixture.Core.Blocks;
            var counts = new int[blocks.Pool.Total];
            foreach (var sequence in fixture.Core.Sequences.Where(sequence => sequence.HasRoom))
            {
                Assert.True(sequence.State == SequenceState.Swapped || sequence.Tables.Count == blocks.Shape.BlocksFor(sequence.Computed));
                for (var group = 0; sequence.State != SequenceState.Swapped && group < blocks.Shape.Groups.Count; group++)
                {
                    foreach (var block in sequence.Tables.Blocks(group)[sequence.Tables.FirstHeld(group)..])
                    {
                        counts[block]++;
                    }

                    Assert.Equal(
                        blocks.Shape.FirstNeeded(group, sequence.Computed),
                        Math.Min(sequence.Tables.FirstHeld(group), sequence.Tables.Count));
                }
            }

            for (var block = 0; block < counts.Length; block++)
            {
                Assert.Equal(counts[block], blocks.Pool.References(block));
            }

            Assert.Equal(counts.Count(count => count > 0), blocks.Pool.Used);
        }

        private static int[] RandomTokens(Random random, int count) => [.. Enumerable.Range(0, count).Select(_ => random.Next(32))];
    }
}
