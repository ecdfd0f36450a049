using OrleansLLM.Compute;

namespace OrleansLLM.Engine.Tests;

/// <summary>
/// What vLLM's documents say of one token, slowly: allowed ids, bias, what must not be drawn, penalties (repetition sees prompt and output, the
/// other two the output), then the lowest id of the largest logit, or temperature, min-p, top-k, top-p and one draw in the order of the ids.
/// </summary>
internal static class SamplingDefinition
{
    public static int Draw(float[] raw, GenerationRequest request, SamplingParameters sampling, int sample, int[] tokens)
    {
        var output = tokens[request.PromptIds.Length..];
        var logits = Penalize(Forbid(raw, request, sampling, output), sampling, tokens, output);
        if (sampling.Temperature < 1e-5)
        {
            return Array.IndexOf(logits, logits.Max());
        }

        var shares = Keep(logits, sampling);
        var (uniform, sum) = (SamplingNoise.Uniform(sampling.Seed, sample, tokens.Length), 0.0);
        return Array.FindIndex(shares, share => (sum += share) > uniform);
    }

    private static float[] Forbid(float[] raw, GenerationRequest request, SamplingParameters sampling, int[] output)
    {
        var logits = raw.ToArray();
        for (var id = 0; id < logits.Length && sampling.AllowedTokenIds.Count > 0; id++)
        {
            logits[id] = sampling.AllowedTokenIds.Contains(id) ? logits[id] : float.NegativeInfinity;
        }

        foreach (var (id, bias) in sampling.LogitBias)
        {
            logits[id] += bias;
        }

        foreach (var id in output.Length < request.MinTokens ? request.StopTokenIds : [])
        {
            logits[id] = float.NegativeInfinity;
        }

        foreach (var word in sampling.BadWords)
        {
            var before = word.SkipLast(1).ToArray();
            logits[word[^1]] = output.TakeLast(before.Length).SequenceEqual(before) ? float.NegativeInfinity : logits[word[^1]];
        }

        return logits;
    }

    private static float[] Penalize(float[] logits, SamplingParameters sampling, int[] tokens, int[] output)
    {
        foreach (var id in tokens.Distinct())
        {
            logits[id] = logits[id] > 0 ? logits[id] / sampling.RepetitionPenalty : logits[id] * sampling.RepetitionPenalty;
        }

        foreach (var id in output.Distinct())
        {
            logits[id] -= sampling.FrequencyPenalty * output.Count(token => token == id);
            logits[id] -= sampling.PresencePenalty;
        }

        return logits;
    }

    private static double[] Keep(float[] logits, SamplingParameters sampling)
    {
        var shares = SoftMax(Array.ConvertAll(logits, logit => (double)(logit / sampling.Temperature)));
        var likely = Enumerable.Range(0, logits.Length).Where(id => shares[id] >= sampling.MinP * shares.Max() && shares[id] > 0)
            .OrderByDescending(id => logits[id]).ThenBy(id => id).ToList();
        var least = sampling.TopK == 0 || sampling.TopK > likely.Count ? 0 : shares[likely[sampling.TopK - 1]];
        var kept = likely.Where(id => shares[id] >= least).ToList();
        var all = kept.Sum(id => shares[id]);
        var enough = 1;
        while (enough < kept.Count && kept.Take(enough).Sum(id => shares[id]) / all < sampling.TopP)
        {
            enough++;
        }

        var left = kept.Take(enough).ToHashSet();
        var total = left.Sum(id => shares[id]);
        return [.. shares.Select((share, id) => left.Contains(id) ? share / total : 0)];
    }

    private static double[] SoftMax(double[] values)
    {
        var most = values.Max();
        var weights = Array.ConvertAll(values, value => Math.Exp(value - most));
        return Array.ConvertAll(weights, weight => weight / weights.Sum());
    }
}
