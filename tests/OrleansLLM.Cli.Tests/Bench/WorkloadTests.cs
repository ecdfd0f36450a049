using OrleansLLM.Cli.Bench;

namespace OrleansLLM.Cli.Tests.Bench;

public sealed class WorkloadTests
{
    [Fact]
    public void The_same_seed_makes_the_same_mix_and_another_seed_another()
    {
        Assert.Equal(Workload.ShareGptLike(50, 2048, seed: 7), Workload.ShareGptLike(50, 2048, seed: 7));
        Assert.NotEqual(Workload.ShareGptLike(50, 2048, seed: 7), Workload.ShareGptLike(50, 2048, seed: 8));
    }

    [Fact]
    public void The_sharegpt_like_mix_has_its_means_where_nothing_is_redrawn()
    {
        var items = Workload.ShareGptLike(200_000, int.MaxValue, seed: 1);

        Assert.InRange(items.Average(item => item.InputTokens), 159, 163);
        Assert.InRange(items.Average(item => item.OutputTokens), 334, 342);
    }

    [Fact]
    public void No_pair_is_longer_than_the_limit() =>
        Assert.All(Workload.ShareGptLike(2000, 512, seed: 3), item => Assert.InRange(item.InputTokens + item.OutputTokens, 2, 512));

    [Fact]
    public void Uniform_lengths_stay_within_the_ratio_and_reach_both_ends()
    {
        var items = Workload.Uniform(5000, 100, 10, 0.2, seed: 5);

        Assert.Equal((80, 120), (items.Min(item => item.InputTokens), items.Max(item => item.InputTokens)));
        Assert.Equal((8, 12), (items.Min(item => item.OutputTokens), items.Max(item => item.OutputTokens)));
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(0.5, 2)]
    [InlineData(4, 0.25)]
    public void Arrivals_have_the_rate_and_the_variance_that_burstiness_says(double burstiness, double squaredVariation)
    {
        var random = new Random(11);
        var waits = Enumerable.Range(0, 200_000).Select(_ => Workload.NextArrival(random, 20, burstiness).TotalSeconds).ToArray();
        var mean = waits.Average();
        var variance = waits.Average(wait => (wait - mean) * (wait - mean));

        Assert.InRange(mean, 0.049, 0.051);
        Assert.InRange(variance / (mean * mean), squaredVariation * 0.95, squaredVariation * 1.05);
    }

    [Fact]
    public void An_infinite_rate_waits_for_nothing() =>
        Assert.Equal(TimeSpan.Zero, Workload.NextArrival(new Random(1), double.PositiveInfinity, 1));
}
