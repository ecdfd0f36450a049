using OrleansLLM.Testing;
using OrleansLLM.Testing.Contract;

namespace OrleansLLM.Compute.Cpu.Tests.Sampling;

/// <summary>
/// The order of allowed ids, bias, penalties and limits, on rows of a few tokens that say which one was wrong. On the caller's thread: what
/// goes wrong in a row fails the test.
/// </summary>
public sealed class SampleJobTests : IDisposable
{
    private readonly CpuDevice _device = TestDevices.Create(threads: 1);

    [Theory]
    [InlineData(1f, 0.25f, 1)]
    [InlineData(0.25f, 1f, 0)]
    public void A_frequency_penalty_counts_how_often_a_token_was_drawn_and_a_presence_penalty_does_not(float frequency, float presence, int drawn)
    {
        var plan = Greedy();
        (plan.FrequencyPenalty[0], plan.PresencePenalty[0]) = (frequency, presence);
        plan.Seen.Add(0, 3);
        Assert.Equal(drawn, Draw([2, 0], plan));
    }

    [Fact]
    public void A_token_of_the_prompt_alone_meets_neither_frequency_nor_presence_penalty()
    {
        var plan = Greedy();
        (plan.FrequencyPenalty[0], plan.PresencePenalty[0]) = (9, 9);
        plan.Seen.Add(0, 0);
        Assert.Equal(0, Draw([2, 0], plan));
    }

    [Theory]
    [InlineData(2f, 1f, 1)]
    [InlineData(3f, 0.9f, 0)]
    [InlineData(-1f, -2f, 1)]
    [InlineData(-1f, -3.1f, 0)]
    public void A_repetition_penalty_divides_a_positive_logit_and_multiplies_a_negative_one(float seen, float other, int drawn)
    {
        var plan = Greedy();
        plan.RepetitionPenalty[0] = 3;
        plan.Seen.Add(0, 0);
        Assert.Equal(drawn, Draw([seen, other], plan));
    }

    /// <summary>(1 + 3) / 2 - 1 = 1; in another order it is 1.5, 2.5 or 3.</summary>
    [Theory]
    [InlineData(1.25f, 1)]
    [InlineData(0.75f, 0)]
    public void The_repetition_penalty_comes_after_the_bias_and_before_the_others(float other, int drawn)
    {
        var plan = Greedy();
        (plan.RepetitionPenalty[0], plan.PresencePenalty[0]) = (2, 1);
        plan.Bias.Add(0, 3);
        plan.Seen.Add(0, 1);
        Assert.Equal(drawn, Draw([1, other], plan));
    }

    [Fact]
    public void What_is_not_allowed_is_not_drawn_whatever_its_logit_and_bias()
    {
        var plan = Greedy();
        plan.Allowed.Add(1, 0);
        plan.Allowed.Add(2, 0);
        plan.Bias.Add(0, 100);
        Assert.Equal(2, Draw([9, 1, 2, 8], plan));
    }

    /// <summary>A bias or temperature that no float holds leaves the first such token, as a vanishing temperature does.</summary>
    [Theory]
    [InlineData(0f, 0)]
    [InlineData(1f, 0)]
    [InlineData(1f, 3)]
    public void A_row_beyond_all_numbers_draws_its_first_largest_token(float temperature, int topK)
    {
        foreach (var size in new[] { 5, 40 })
        {
            var plan = Greedy();
            (plan.Temperature[0], plan.TopK[0]) = (temperature, topK);
            plan.Bias.Add(2, float.MaxValue);
            plan.Bias.Add(3, float.MaxValue);
            Assert.Equal(2, Draw([.. Enumerable.Repeat(float.MaxValue / 2, size)], plan));
        }
    }

    /// <summary>Its weight is on the edge between two buckets of the histogram.</summary>
    [Fact]
    public void A_token_that_is_just_likely_enough_for_min_p_can_be_drawn()
    {
        var weight = (float)Math.Exp(-1);
        Assert.Equal([0, 1], Drawn([1, 0], minP: MathF.BitDecrement(weight)));
        Assert.Equal([0], Drawn([1, 0], minP: MathF.BitIncrement(weight)));
        Assert.Equal([0, 1], Drawn([1, 1, 0.999f], minP: 1));
    }

    [Fact]
    public void Top_p_keeps_a_token_where_those_before_it_do_not_quite_reach_it()
    {
        var share = (float)(1 / (1 + Math.Exp(-1)));
        Assert.Equal([0, 1], Drawn([1, 0], topP: MathF.BitIncrement(share)));
        Assert.Equal([0], Drawn([1, 0], topP: MathF.BitDecrement(share)));
        Assert.Equal([0], Drawn([1, 1], topP: 0.5f));
    }

    /// <summary>What a worker looked at for one row stands in its memory when it draws the next.</summary>
    [Fact]
    public void A_row_draws_nothing_of_the_row_before()
    {
        for (var position = 0; position < 100; position++)
        {
            Assert.Equal(0, Draw([1.01f, 1, 1, 1], Drawing(position, topK: 1)));
            Assert.Equal(0, Draw([1, 0.96f, 0.96f, 0.96f], Drawing(position, topK: 1)));
        }
    }

    /// <summary>Seeds whose first number is the least and the largest there is.</summary>
    [Fact]
    public void The_ends_of_the_noise_draw_the_first_and_the_last_token_that_are_possible()
    {
        const ulong Least = 0x7951b2dd10d34ef6;
        const ulong Most = 0x87d537e97d38f982;
        Assert.Equal((0, 1 - Math.Pow(2, -53)), (SamplingNoise.Uniform(Least, 0, 0), SamplingNoise.Uniform(Most, 0, 0)));
        var random = new Random(49);
        for (var round = 0; round < 300; round++)
        {
            // Impossible ones at both ends; between them as many that differ as make float sums uncertain.
            var possible = Enumerable.Range(0, random.Next(1, 200)).Select(_ => random.NextSingle()).ToArray();
            float[] logits = [float.NegativeInfinity, .. possible, float.NegativeInfinity];
            foreach (var topK in new[] { 0, logits.Length })
            {
                var least = Drawing(0, topK);
                least.Seed[0] = Least;
                Assert.Equal(1, Draw(logits, least));
                var most = Drawing(0, topK);
                most.Seed[0] = Most;
                Assert.Equal(possible.Length, Draw(logits, most));
            }
        }
    }

    [Fact]
    public void Rows_that_several_workers_draw_at_once_are_those_that_one_draws()
    {
        const int Rows = 64;
        const int Size = 300;
        var random = new Random(50);
        using var team = TestDevices.Create(threads: 3);
        var plan = new SamplingPlan(Rows) { Rows = Rows };
        for (var row = 0; row < Rows; row++)
        {
            (plan.Temperature[row], plan.TopP[row], plan.TopK[row], plan.RepetitionPenalty[row], plan.Position[row]) = (1, 1, row % 2 * 9, 1, row);
            plan.Bias.Add(row, 1);
            plan.Bias.EndRow();
            plan.Seen.EndRow();
            plan.Allowed.EndRow();
        }

        for (var round = 0; round < 20; round++)
        {
            var logits = Arrange.Numbers(random, Rows * Size);
            Assert.Equal(Sample(_device, logits, plan), Sample(team, logits, plan));
        }
    }

    [Fact]
    public void Small_vocabularies_draw_what_the_reference_draws_under_any_parameters()
    {
        var random = new Random(47);
        using var reference = new ReferenceDevice();
        for (var round = 0; round < 6000; round++)
        {
            // Now and then longer than a run of sums.
            var logits = SomeLogits(random, random.Next(1, round % 50 == 0 ? 2100 : 40));
            var plan = SomePlan(random, logits.Length);
            var drawn = Draw(logits, plan);
            Assert.Equal(Sample(reference, logits, plan)[0], drawn);
        }
    }

    public void Dispose() => _device.Dispose();

    /// <summary>One row without any limit or penalty.</summary>
    private static SamplingPlan Greedy()
    {
        var plan = new SamplingPlan(1) { Rows = 1 };
        (plan.TopP[0], plan.RepetitionPenalty[0]) = (1, 1);
        return plan;
    }

    private static SamplingPlan Drawing(int position, int topK = 0)
    {
        var plan = Greedy();
        (plan.Temperature[0], plan.TopK[0], plan.Position[0]) = (1, topK, position);
        return plan;
    }

    /// <summary>Smooth, with ties, with some impossible, far apart.</summary>
    private static float[] SomeLogits(Random random, int count)
    {
        var kind = random.Next(4);
        float Number() => (4 * random.NextSingle()) - 2;
        return
        [
            .. Enumerable.Range(0, count).Select(_ => kind switch
            {
                0 => Number(),
                1 => MathF.Round(Number()),
                2 => random.Next(3) == 0 ? float.NegativeInfinity : Number(),
                _ => 30 * Number(),
            }),
        ];
    }

    private static SamplingPlan SomePlan(Random random, int vocabulary)
    {
        var plan = Greedy();
        plan.Temperature[0] = random.Next(4) switch { 0 => 0, 1 => 1, _ => 0.2f + random.NextSingle() };
        plan.TopK[0] = random.Next(2) * random.Next(1, vocabulary + 3);
        plan.TopP[0] = random.Next(2) == 0 ? 1 : 0.05f + (0.94f * random.NextSingle());
        plan.MinP[0] = random.Next(3) == 0 ? random.NextSingle() : 0;
        plan.RepetitionPenalty[0] = random.Next(2) == 0 ? 1 : 0.5f + (2 * random.NextSingle());
        plan.FrequencyPenalty[0] = random.Next(2) * random.NextSingle();
        plan.PresencePenalty[0] = random.Next(2) * (random.NextSingle() - 0.5f);
        (plan.Seed[0], plan.Sample[0], plan.Position[0]) = ((ulong)random.NextInt64(), random.Next(5), random.Next(500));
        var (biased, seen, allowed) = (random.Next(2), random.Next(2), random.Next(4) / 3);
        for (var id = 0; id < vocabulary; id++)
        {
            Add(plan.Bias, biased, id, (2 * random.NextSingle()) - 1);
            Add(plan.Seen, seen, id, random.Next(4));
            Add(plan.Allowed, allowed, id, (byte)0);
        }

        return plan;
        void Add<T>(RowLists<T> list, int wanted, int id, T value)
            where T : unmanaged
        {
            if (random.Next(3) < wanted)
            {
                list.Add(id, value);
            }
        }
    }

    /// <summary>All that a hundred positions draw, by id.</summary>
    private int[] Drawn(float[] logits, float topP = 1, float minP = 0) =>
    [
        .. Enumerable.Range(0, 100).Select(position =>
        {
            var plan = Drawing(position);
            (plan.TopP[0], plan.MinP[0]) = (topP, minP);
            return Draw(logits, plan);
        }).Distinct().Order(),
    ];

    private int Draw(float[] logits, SamplingPlan plan)
    {
        plan.Bias.EndRow();
        plan.Seen.EndRow();
        plan.Allowed.EndRow();
        return Sample(_device, logits, plan)[0];
    }

    private static int[] Sample(IDevice device, float[] logits, SamplingPlan plan)
    {
        var tokens = new int[plan.Rows];
        device.Sample(Arrange.Upload(device, logits, plan.Rows, logits.Length / plan.Rows), plan, tokens);
        return tokens;
    }
}
