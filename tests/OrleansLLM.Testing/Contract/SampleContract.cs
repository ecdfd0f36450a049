using OrleansLLM.Compute;
using Xunit;

namespace OrleansLLM.Testing.Contract;

/// <summary>Draws and log probabilities.</summary>
public abstract class SampleContract(DeviceProfile profile) : DeviceContract(profile)
{
    private const int Vocabulary = 2003;
    private static readonly int[] Sizes = [1, 5, 16, 31, 1000, 1031];

    /// <summary>Temperature, top-k, top-p, min-p: one of each way to draw.</summary>
    public static TheoryData<float, int, float, float> Draws => new()
    {
        { 0, 0, 1, 0 },
        { 1, 0, 1, 0 },
        { 0.7f, 3, 1, 0 },
        { 1, 0, 0.5f, 0 },
        { 1.3f, 0, 1, 0.2f },
    };

    [Fact]
    public void Draws_are_the_references_under_any_parameters()
    {
        var random = new Random(41);
        using var device = Profile.Create();
        using var reference = new ReferenceDevice();
        for (var round = 0; round < 60; round++)
        {
            var logits = Logits(random, rows: 8, round);
            var plan = Plan(random, 8);
            CheckDraws(logits, plan, Sample(reference, logits, plan), Sample(device, logits, plan));
        }
    }

    [Fact]
    public void Greedy_takes_the_lower_id_of_equals()
    {
        using var device = Profile.Create();
        for (var size = 2; size < 70; size++)
        {
            var logits = new float[size];
            logits.AsSpan().Fill(float.NegativeInfinity);
            logits[size / 2] = -3;
            logits[size - 1] = -3;
            Assert.Equal(size / 2, Sample(device, logits, Row(temperature: 0))[0]);
        }
    }

    [Theory]
    [MemberData(nameof(Draws))]
    public void A_row_in_which_nothing_is_allowed_says_so(float temperature, int topK, float topP, float minP)
    {
        using var device = Profile.Create();
        foreach (var size in Sizes)
        {
            var logits = Arrange.Numbers(new Random(size), size);
            var all = Enumerable.Range(0, size).ToArray();
            var banned = Row(temperature, topK, topP, minP, plan => Array.ForEach(all, id => plan.Bias.Add(id, float.NegativeInfinity)));
            Assert.Equal(SamplingPlan.NothingAllowed, Sample(device, logits, banned)[0]);
            var onlyBanned = Row(temperature, topK, topP, minP, plan =>
            {
                plan.Allowed.Add(size - 1, 0);
                plan.Bias.Add(size - 1, float.NegativeInfinity);
                plan.Seen.Add(size - 1, 2);
            });
            Assert.Equal(SamplingPlan.NothingAllowed, Sample(device, logits, onlyBanned)[0]);
            var butOne = Row(temperature, topK, topP, minP, plan => Array.ForEach(all[1..], id => plan.Bias.Add(id, float.NegativeInfinity)));
            Assert.Equal(0, Sample(device, logits, butOne)[0]);
        }
    }

    [Theory]
    [MemberData(nameof(Draws))]
    public void A_row_whose_logits_are_no_numbers_says_so_whatever_is_allowed(float temperature, int topK, float topP, float minP)
    {
        using var device = Profile.Create();
        foreach (var size in Sizes)
        {
            var plan = Row(temperature, topK, topP, minP, plan => plan.Allowed.Add(0, 0));
            foreach (var (place, number) in new[] { (size - 1, float.NaN), (size / 2, float.PositiveInfinity), (0, float.NaN) })
            {
                var logits = Arrange.Numbers(new Random(size), size);
                logits[place] = number;
                Assert.Equal(SamplingPlan.BrokenLogits, Sample(device, logits, plan)[0]);
                Assert.Equal(SamplingPlan.BrokenLogits, Sample(device, logits, Row(temperature, topK, topP, minP))[0]);
                var result = new LogprobResult(1, 1);
                device.Logprobs(Arrange.Upload(device, logits, 1, size), [0], [1], 0, result);
                Assert.Equal(float.NaN, result.Chosen[0]);
            }

            Assert.Equal(SamplingPlan.BrokenLogits, Sample(device, [.. Enumerable.Repeat(float.NegativeInfinity, size)], plan)[0]);
        }
    }

    [Fact]
    public void A_row_beside_broken_ones_draws_what_it_draws_alone()
    {
        using var device = Profile.Create(threads: 3);
        var logits = Arrange.Numbers(new Random(44), Vocabulary);
        var plan = new SamplingPlan(3) { Rows = 3 };
        for (var row = 0; row < 3; row++)
        {
            (plan.Temperature[row], plan.TopP[row], plan.RepetitionPenalty[row], plan.Position[row]) = (1, 0.9f, 1, 7);
            plan.Bias.EndRow();
            plan.Seen.EndRow();
            plan.Allowed.EndRow();
        }

        var broken = Enumerable.Repeat(float.NaN, Vocabulary);
        var drawn = Sample(device, [.. broken, .. logits, .. broken], plan);
        Assert.Equal([SamplingPlan.BrokenLogits, Sample(device, [.. logits, .. logits, .. logits], plan)[1], SamplingPlan.BrokenLogits], drawn);
    }

    [Fact]
    public void Drawn_tokens_follow_their_probabilities()
    {
        using var device = Profile.Create();
        var logits = new float[] { 1, 0, -1, 2, 0.5f, -3 };
        const int Draws = 20_000;
        foreach (var topP in new[] { 1f, 0.8f })
        {
            var plan = new SamplingPlan(Draws) { Rows = Draws };
            for (var row = 0; row < Draws; row++)
            {
                (plan.Temperature[row], plan.TopP[row], plan.RepetitionPenalty[row]) = (1, topP, 1);
                (plan.Seed[row], plan.Position[row]) = (77, row);
                plan.Bias.EndRow();
                plan.Seen.EndRow();
                plan.Allowed.EndRow();
            }

            var tokens = Sample(device, [.. Enumerable.Repeat(logits, Draws).SelectMany(row => row)], plan);
            var expected = ReferenceDevice.Probabilities(logits, plan, 0);
            var distance = expected.Select((share, id) =>
                share == 0 ? tokens.Count(token => token == id) : Math.Pow(tokens.Count(token => token == id) - (share * Draws), 2) / (share * Draws)).Sum();
            // Chi-squared with five degrees of freedom passes 25.7 once in ten thousand; the seed is fixed.
            Assert.InRange(distance, 0, 25.7);
        }
    }

    [Fact]
    public void Log_probabilities_agree_with_the_reference()
    {
        var random = new Random(43);
        using var device = Profile.Create();
        using var reference = new ReferenceDevice();
        var logits = Logits(random, 5, 3);
        LogprobResult Run(IDevice on)
        {
            var result = new LogprobResult(8, 20);
            on.Logprobs(Arrange.Upload(on, logits, 5, Vocabulary), [5, 0, 2002, 7, 9], [20, 0, -1, 1, 5], 2, result);
            return result;
        }

        var (expected, actual) = (Run(reference), Run(device));
        Assert.Equal(expected.Rank, actual.Rank);
        Assert.Equal(expected.TopIds, actual.TopIds);
        Arrange.AssertClose(expected.Chosen, actual.Chosen, Profile.LogprobTolerance);
        Arrange.AssertClose(expected.TopLogprobs, actual.TopLogprobs, Profile.LogprobTolerance);
    }

    private void CheckDraws(float[] logits, SamplingPlan plan, int[] expected, int[] actual)
    {
        for (var row = 0; row < plan.Rows; row++)
        {
            if (expected[row] != actual[row])
            {
                var adjusted = ReferenceDevice.Adjust(logits.AsSpan(row * Vocabulary, Vocabulary), plan, row);
                Assert.True(
                    Profile.DrawTolerance > 0 && IsNear(adjusted, plan, row, (expected[row], actual[row])),
                    $"row {row}: {actual[row]} was drawn instead of {expected[row]}");
            }
        }
    }

    /// <summary>Whether rounding within the tolerance makes the reference draw the other token.</summary>
    private bool IsNear(float[] adjusted, SamplingPlan plan, int row, (int Expected, int Actual) token)
    {
        var tolerance = Profile.DrawTolerance;
        if (plan.Temperature[row] == 0)
        {
            return adjusted[token.Actual] >= adjusted[token.Expected] - (tolerance * Math.Abs(adjusted[token.Expected]));
        }

        var uniform = SamplingNoise.Uniform(plan.Seed[row], plan.Sample[row], plan.Position[row]);
        var (topP, minP) = (plan.TopP[row], plan.MinP[row]);
        var isNear = false;
        foreach (var cut in new[] { 1 - tolerance, 1, 1 + tolerance })
        {
            (plan.TopP[row], plan.MinP[row]) = ((float)Math.Min(1, topP * cut), (float)(minP * (2 - cut)));
            var shares = ReferenceDevice.Probabilities(adjusted, plan, row);
            isNear |= shares[token.Actual] > 0
                && token.Actual >= ReferenceDevice.Draw(shares, uniform - tolerance)
                && token.Actual <= ReferenceDevice.Draw(shares, uniform + tolerance);
        }

        (plan.TopP[row], plan.MinP[row]) = (topP, minP);
        return isNear;
    }

    private static float[] Logits(Random random, int rows, int round)
    {
        var logits = Arrange.Numbers(random, rows * Vocabulary);
        for (var i = 0; i < logits.Length; i++)
        {
            // Narrow, wide and tied rows.
            logits[i] = (round % 3) switch { 0 => logits[i], 1 => logits[i] * 12, _ => MathF.Round(logits[i] * 2) };
        }

        return logits;
    }

    private static SamplingPlan Plan(Random random, int rows)
    {
        var plan = new SamplingPlan(rows) { Rows = rows };
        for (var row = 0; row < rows; row++)
        {
            plan.Temperature[row] = random.Next(5) switch { 0 => 0, 1 => 1, _ => 0.2f + random.NextSingle() };
            plan.TopK[row] = random.Next(2) * random.Next(1, 60);
            plan.TopP[row] = random.Next(2) == 0 ? 1 : 0.05f + (0.9f * random.NextSingle());
            plan.MinP[row] = random.Next(3) == 0 ? random.NextSingle() * 0.3f : 0;
            plan.RepetitionPenalty[row] = random.Next(2) == 0 ? 1 : 1.3f;
            plan.FrequencyPenalty[row] = random.NextSingle();
            plan.PresencePenalty[row] = random.NextSingle();
            (plan.Seed[row], plan.Sample[row], plan.Position[row]) = ((ulong)random.NextInt64(), row, random.Next(500));
            Lists(random, plan);
        }

        return plan;
    }

    private static SamplingPlan Row(float temperature, int topK = 0, float topP = 1, float minP = 0, Action<SamplingPlan>? fill = null)
    {
        var plan = new SamplingPlan(1) { Rows = 1 };
        (plan.Temperature[0], plan.TopK[0], plan.TopP[0], plan.MinP[0], plan.RepetitionPenalty[0]) = (temperature, topK, topP, minP, 1);
        fill?.Invoke(plan);
        plan.Bias.EndRow();
        plan.Seen.EndRow();
        plan.Allowed.EndRow();
        return plan;
    }

    private static void Lists(Random random, SamplingPlan plan)
    {
        var (adjusted, allowed) = (40 * random.Next(2), 100 * random.Next(2));
        for (var i = 0; i < adjusted; i++)
        {
            plan.Bias.Add((i * 50) + random.Next(50), random.Next(4) == 0 ? float.NegativeInfinity : random.NextSingle() * 9);
            plan.Seen.Add((i * 50) + random.Next(50), random.Next(3));
        }

        for (var i = 0; i < allowed; i++)
        {
            plan.Allowed.Add((i * 20) + random.Next(20), 0);
        }

        plan.Bias.EndRow();
        plan.Seen.EndRow();
        plan.Allowed.EndRow();
    }

    private static int[] Sample(IDevice device, float[] logits, SamplingPlan plan)
    {
        var tokens = new int[plan.Rows];
        device.Sample(Arrange.Upload(device, logits, plan.Rows, logits.Length / plan.Rows), plan, tokens);
        return tokens;
    }
}
