namespace OrleansLLM.Cli.Bench;

/// <summary>One request of a benchmark: how long its prompt is, and how many tokens it asks for.</summary>
internal readonly record struct WorkItem(int InputTokens, int OutputTokens);

/// <summary>Seeded mixes of request lengths: the same seed gives the same mix on every machine.</summary>
internal static class Workload
{
    /// <summary>Means of the ShareGPT conversations that PagedAttention was measured with (arXiv 2309.06180, section 6.1).</summary>
    public const double ShareGptInputMean = 161;

    public const double ShareGptOutputMean = 338;

    /// <summary>Uniform lengths within [(1 - ratio) · mean, (1 + ratio) · mean].</summary>
    public static IReadOnlyList<WorkItem> Uniform(int count, int inputTokens, int outputTokens, double rangeRatio, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => new WorkItem(Draw(inputTokens), Draw(outputTokens)))];

        int Draw(int mean)
        {
            var (least, most) = ((int)Math.Floor(mean * (1 - rangeRatio)), (int)Math.Ceiling(mean * (1 + rangeRatio)));
            return Math.Max(1, random.Next(least, most + 1));
        }
    }

    /// <summary>
    /// Lognormal lengths with ShareGPT's means. A draw is not cut: <paramref name="maxTokens"/> redraws a pair that is longer together.
    /// </summary>
    public static IReadOnlyList<WorkItem> ShareGptLike(int count, int maxTokens, int seed)
    {
        var random = new Random(seed);
        var items = new List<WorkItem>(count);
        while (items.Count < count)
        {
            var item = new WorkItem(LogNormal(random, ShareGptInputMean), LogNormal(random, ShareGptOutputMean));
            if (item.InputTokens + item.OutputTokens <= maxTokens)
            {
                items.Add(item);
            }
        }

        return items;
    }

    /// <summary>The wait before the next request of a stream of <paramref name="rate"/> a second; a burstiness of 1 makes it a Poisson process.</summary>
    public static TimeSpan NextArrival(Random random, double rate, double burstiness) =>
        double.IsPositiveInfinity(rate) ? TimeSpan.Zero : TimeSpan.FromSeconds(Gamma(random, burstiness) / (rate * burstiness));

    private static int LogNormal(Random random, double mean)
    {
        const double sigma = 1;
        return Math.Max(1, (int)Math.Round(Math.Exp(Math.Log(mean) - (sigma * sigma / 2) + (sigma * Normal(random)))));
    }

    private static double Normal(Random random) =>
        Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());

    /// <summary>Marsaglia and Tsang, "A simple method for generating gamma variables" (2000); scale 1.</summary>
    private static double Gamma(Random random, double shape)
    {
        if (shape < 1)
        {
            return Gamma(random, shape + 1) * Math.Pow(1 - random.NextDouble(), 1 / shape);
        }

        var d = shape - (1.0 / 3);
        var c = 1 / Math.Sqrt(9 * d);
        while (true)
        {
            var x = Normal(random);
            var v = Math.Pow(1 + (c * x), 3);
            if (v > 0 && Math.Log(1 - random.NextDouble()) < (0.5 * x * x) + d - (d * v) + (d * Math.Log(v)))
            {
                return d * v;
            }
        }
    }
}
