using OrleansLLM.Compute;

namespace OrleansLLM.Engine;

/// <summary>
/// Turns the wishes of the sequences that draw a token into the flat arrays of a <see cref="SamplingPlan"/>; the device draws. A row is a
/// function of its sequence alone. Allocates nothing once the lists of bias and allowed ids have grown to the largest step.
/// </summary>
internal static class Sampler
{
    /// <summary>Temperatures below are greedy, as in vLLM: logits divided by so little overflow.</summary>
    private const float LeastTemperature = 1e-5f;

    public static void Fill(SamplingPlan plan, ReadOnlySpan<Sequence> sequences)
    {
        plan.Rows = sequences.Length;
        plan.Bias.Clear();
        plan.Seen.Clear();
        plan.Allowed.Clear();
        for (var row = 0; row < sequences.Length; row++)
        {
            FillValues(plan, row, sequences[row]);
            FillBias(plan.Bias, sequences[row]);
            FillSeen(plan.Seen, sequences[row]);
            FillAllowed(plan.Allowed, sequences[row]);
        }
    }

    private static void FillValues(SamplingPlan plan, int row, Sequence sequence)
    {
        var sampling = sequence.Sampling;
        plan.Temperature[row] = sampling.Temperature < LeastTemperature ? 0 : sampling.Temperature;
        plan.TopK[row] = sampling.TopK;
        plan.TopP[row] = sampling.TopP;
        plan.MinP[row] = sampling.MinP;
        plan.RepetitionPenalty[row] = sampling.RepetitionPenalty;
        plan.PresencePenalty[row] = sampling.PresencePenalty;
        plan.FrequencyPenalty[row] = sampling.FrequencyPenalty;
        plan.Seed[row] = sampling.Seed;
        plan.Sample[row] = sequence.Id.Index;
        plan.Position[row] = sequence.Count;
    }

    private static void FillBias(RowLists<float> bias, Sequence sequence)
    {
        var sampling = sequence.Sampling;
        for (var i = 0; i < sampling.LogitBias.Count; i++)
        {
            bias.Add(sampling.LogitBias[i].Key, sampling.LogitBias[i].Value);
        }

        if (sequence.AwaitsStopMask)
        {
            foreach (var token in sequence.StopTokens)
            {
                bias.Add(token, float.NegativeInfinity);
            }
        }

        for (var i = 0; i < sampling.BadWords.Count; i++)
        {
            if (StandsBefore(sampling.BadWords[i], sequence.Output))
            {
                bias.Add(sampling.BadWords[i][^1], float.NegativeInfinity);
            }
        }

        bias.EndRow();
    }

    /// <summary>Whether the output ends with all of the word but its last token, as vLLM has it.</summary>
    private static bool StandsBefore(IReadOnlyList<int> word, ReadOnlySpan<int> output)
    {
        var prefix = word.Count - 1;
        if (prefix > output.Length)
        {
            return false;
        }

        for (var i = 0; i < prefix; i++)
        {
            if (output[output.Length - prefix + i] != word[i])
            {
                return false;
            }
        }

        return true;
    }

    private static void FillSeen(RowLists<int> seen, Sequence sequence)
    {
        if (sequence.Seen is { } counts)
        {
            seen.Add(counts.Tokens, counts.Counts);
        }

        seen.EndRow();
    }

    private static void FillAllowed(RowLists<byte> allowed, Sequence sequence)
    {
        for (var i = 0; i < sequence.Sampling.AllowedTokenIds.Count; i++)
        {
            allowed.Add(sequence.Sampling.AllowedTokenIds[i], 0);
        }

        allowed.EndRow();
    }
}
