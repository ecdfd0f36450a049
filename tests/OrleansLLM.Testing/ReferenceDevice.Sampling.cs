using OrleansLLM.Compute;

namespace OrleansLLM.Testing;

public sealed partial class ReferenceDevice
{
    public void Sample(Tensor logits, SamplingPlan plan, Span<int> tokens)
    {
        RequireShape(plan.Rows <= logits.Rows && plan.Rows <= tokens.Length, "sample");
        for (var row = 0; row < plan.Rows; row++)
        {
            tokens[row] = AreNumbers(Row(logits, row)) ? SampleRow(Adjust(Row(logits, row), plan, row), plan, row) : SamplingPlan.BrokenLogits;
        }
    }

    public void Logprobs(Tensor logits, ReadOnlySpan<int> chosen, ReadOnlySpan<int> top, int firstRow, LogprobResult to)
    {
        for (var row = 0; row < chosen.Length; row++)
        {
            if (top[row] < 0)
            {
                continue;
            }

            var values = Row(logits, row).ToArray();
            if (!AreNumbers(values))
            {
                to.Chosen[firstRow + row] = float.NaN;
                continue;
            }

            var most = (double)values.Max();
            var total = most + Math.Log(values.Sum(value => Math.Exp(value - most)));
            var at = firstRow + row;
            var picked = values[chosen[row]];
            to.Chosen[at] = (float)(picked - total);
            to.Rank[at] = 1 + values.Count(value => value > picked);
            var ranked = Ranked(values);
            for (var i = 0; i < top[row]; i++)
            {
                to.TopIds[(at * to.MaxTop) + i] = ranked[i];
                to.TopLogprobs[(at * to.MaxTop) + i] = (float)(values[ranked[i]] - total);
            }
        }
    }

    /// <summary>Whether none is NaN or infinity, and one is above minus infinity.</summary>
    public static bool AreNumbers(ReadOnlySpan<float> logits)
    {
        var isOneLeft = false;
        foreach (var logit in logits)
        {
            if (float.IsNaN(logit) || float.IsPositiveInfinity(logit))
            {
                return false;
            }

            isOneLeft |= float.IsFinite(logit);
        }

        return isOneLeft;
    }

    private static int SampleRow(float[] adjusted, SamplingPlan plan, int row)
    {
        var best = Ranked(adjusted)[0];
        return float.IsNegativeInfinity(adjusted[best]) ? SamplingPlan.NothingAllowed
            : plan.Temperature[row] == 0 || !float.IsFinite(adjusted[best] / plan.Temperature[row]) ? best
            : Draw(Probabilities(adjusted, plan, row), SamplingNoise.Uniform(plan.Seed[row], plan.Sample[row], plan.Position[row]));
    }

    /// <summary>
    /// What a row may draw with which probability, in id order: min-p, then top-k, then top-p, each on what the one before left. Top-k keeps
    /// what is as likely as its last; for top-p, of equal logits the lower id counts as the more likely one.
    /// </summary>
    public static double[] Probabilities(float[] adjusted, SamplingPlan plan, int row)
    {
        var shares = Array.ConvertAll(adjusted, value => (double)(value / plan.Temperature[row]));
        SoftMax(shares);
        var ranked = Ranked(adjusted);
        var kept = ranked.Where(id => shares[id] > 0 && shares[id] >= plan.MinP[row] * shares[ranked[0]]).ToArray();
        kept = plan.TopK[row] == 0 || plan.TopK[row] >= kept.Length ? kept : [.. kept.Where(id => shares[id] >= shares[kept[plan.TopK[row] - 1]])];
        var sum = kept.Sum(id => shares[id]);
        var result = new double[shares.Length];
        var before = 0.0;
        foreach (var id in kept)
        {
            if (before < plan.TopP[row] || before == 0)
            {
                result[id] = shares[id];
            }

            before += shares[id] / sum;
        }

        var left = result.Sum();
        return Array.ConvertAll(result, share => share / left);
    }

    /// <summary>Allowed ids, bias, then penalties: repetition, frequency, presence.</summary>
    public static float[] Adjust(ReadOnlySpan<float> logits, SamplingPlan plan, int row)
    {
        var adjusted = logits.ToArray();
        AdjustInPlace(adjusted, plan, row);
        return adjusted;
    }

    public static void AdjustInPlace(Span<float> adjusted, SamplingPlan plan, int row)
    {
        var allowed = plan.Allowed.Ids(row);
        for (var id = 0; id < adjusted.Length && !allowed.IsEmpty; id++)
        {
            adjusted[id] = allowed.Contains(id) ? adjusted[id] : float.NegativeInfinity;
        }

        for (var i = 0; i < plan.Bias.Ids(row).Length; i++)
        {
            adjusted[plan.Bias.Ids(row)[i]] += plan.Bias.Values(row)[i];
        }

        for (var i = 0; i < plan.Seen.Ids(row).Length; i++)
        {
            ref var value = ref adjusted[plan.Seen.Ids(row)[i]];
            var count = plan.Seen.Values(row)[i];
            value = value > 0 ? value / plan.RepetitionPenalty[row] : value * plan.RepetitionPenalty[row];
            value -= plan.FrequencyPenalty[row] * count;
            value -= count > 0 ? plan.PresencePenalty[row] : 0;
        }
    }

    /// <summary>Ids from the largest value to the smallest, the lower id first among equals.</summary>
    private static int[] Ranked(float[] values) =>
        [.. Enumerable.Range(0, values.Length).OrderByDescending(id => values[id]).ThenBy(id => id)];

    /// <summary>The lowest id at which the running sum of probabilities passes <paramref name="uniform"/>.</summary>
    internal static int Draw(double[] probabilities, double uniform)
    {
        var sum = 0.0;
        for (var id = 0; id < probabilities.Length; id++)
        {
            sum += probabilities[id];
            if (sum > uniform)
            {
                return id;
            }
        }

        return Array.FindLastIndex(probabilities, probability => probability > 0);
    }
}
