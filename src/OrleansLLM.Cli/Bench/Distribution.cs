namespace OrleansLLM.Cli.Bench;

/// <summary>Measured values, summed up as numpy does; 0 where there are none.</summary>
internal sealed class Distribution
{
    private readonly double[] _sorted;

    public Distribution(IEnumerable<double> values)
    {
        _sorted = [.. values.Order()];
    }

    public double Mean => _sorted.Length == 0 ? 0 : _sorted.Average();

    /// <summary>Of the population, as numpy's default.</summary>
    public double StandardDeviation
    {
        get
        {
            var mean = Mean;
            return _sorted.Length == 0 ? 0 : Math.Sqrt(_sorted.Average(value => (value - mean) * (value - mean)));
        }
    }

    /// <summary>Linear interpolation between the two nearest ranks.</summary>
    public double Percentile(double percent)
    {
        if (_sorted.Length == 0)
        {
            return 0;
        }

        var rank = percent / 100 * (_sorted.Length - 1);
        var below = (int)rank;
        var above = Math.Min(below + 1, _sorted.Length - 1);
        return _sorted[below] + ((_sorted[above] - _sorted[below]) * (rank - below));
    }
}
