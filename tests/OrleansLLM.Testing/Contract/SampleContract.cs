using OrleansLLM.Compute;
using Xunit;

namespace OrleansLLM.Testing.Contract;

/// <summary>Draws and log probabilities.</summary>
public abstract class SampleContract(DeviceProfile profile) : DeviceContract(profile)
{
    private const int Vocabulary = 2003;

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
    public void Greedy_takes_the_lower_id_of_equals_and_passes_over_not_a_numbers()
    {
        using var device = Profile.Create();
        for (var size = 1; size < 70; size++)
        {
            var logits = new float[size];
            logits.AsSpan().Fill(float.NaN);
            logits[size / 2] = -3;
            logits[size - 1] = -3;
            logits[0] = float.NegativeInfinity;
            var plan = new SamplingPlan(1) { Rows = 1 };
            plan.RepetitionPenalty[0] = 1;
            plan.Bias.EndRow();
            plan.Seen.EndRow();
            plan.Allowed.EndRow();
            Assert.Equal(size == 1 ? 0 : size / 2, Sample(device, logits, plan)[0]);
        }
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
