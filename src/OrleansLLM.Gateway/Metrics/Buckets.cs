namespace OrleansLLM.Gateway.Metrics;

/// <summary>vLLM's histogram bounds, so that its dashboards and rules work here.</summary>
internal static class Buckets
{
    public static readonly double[] FirstToken =
    [
        0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160, 640, 2560,
    ];

    public static readonly double[] BetweenTokens =
    [
        0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80,
    ];

    public static readonly double[] Request =
    [
        0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680,
    ];

    public static readonly double[] Samples = [1, 2, 5, 10, 20];

    /// <summary>1, 2, 5, 10, 20, 50, … up to <paramref name="most"/>.</summary>
    public static double[] OneTwoFive(int most)
    {
        var bounds = new List<double>();
        for (var decade = 1L; ; decade *= 10)
        {
            foreach (var step in (ReadOnlySpan<int>)[1, 2, 5])
            {
                if (decade * step > most)
                {
                    return [.. bounds];
                }

                bounds.Add(decade * step);
            }
        }
    }
}
