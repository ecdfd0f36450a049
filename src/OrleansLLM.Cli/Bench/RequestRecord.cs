namespace OrleansLLM.Cli.Bench;

/// <summary>What one request of a benchmark gave. Times are seconds since the benchmark's start.</summary>
internal sealed record RequestRecord
{
    public required double Sent { get; init; }

    public double Ended { get; init; }

    /// <summary>When each piece of the answer arrived; the first one is the time to first token.</summary>
    public IReadOnlyList<double> Arrivals { get; init; } = [];

    public int InputTokens { get; init; }

    public int OutputTokens { get; init; }

    public string Text { get; init; } = "";

    /// <summary>Empty where it succeeded.</summary>
    public string Error { get; init; } = "";

    public bool Succeeded => Error.Length == 0;

    public double TimeToFirstToken => Arrivals.Count > 0 ? Arrivals[0] - Sent : 0;

    public double Latency => Ended - Sent;

    public IEnumerable<double> InterTokenLatencies => Arrivals.Zip(Arrivals.Skip(1), (earlier, later) => later - earlier);
}
