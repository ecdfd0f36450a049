using System.Diagnostics;

namespace OrleansLLM.Cli.Chaos;

/// <summary>By their numbers on Linux.</summary>
internal enum Signal
{
    Kill = 9,
    Terminate = 15,
    Continue = 18,
    Stop = 19,
}

internal enum FaultKind
{
    /// <summary>SIGKILL.</summary>
    Killed,

    /// <summary>SIGSTOP, and SIGCONT once the others have called it dead.</summary>
    Hung,

    /// <summary>SIGTERM.</summary>
    Stopped,
}

/// <summary>One fault, and what it did to the streams that ran.</summary>
/// <param name="Held">Sequences that the process held.</param>
/// <param name="Candidates">Answers that it may have hit.</param>
/// <param name="At">When, a timestamp of <see cref="Stopwatch"/>.</param>
internal sealed record Fault(SiloRole Role, FaultKind Kind, string Silo, int Held, IReadOnlyList<ChaosAnswer> Candidates, long At)
{
    /// <summary>When all processes were there again, and all sequences went on.</summary>
    public long Recovered { get; set; }

    /// <summary>From the process being ready again until all sequences had two copies.</summary>
    public TimeSpan Copying { get; set; }

    /// <summary>What was not as it should be with the process.</summary>
    public string? Problem { get; set; }

    /// <summary>
    /// The longest pauses of as many choices as the process held. Whose sequence a worker computed clients can't see, so these are upper bounds.
    /// </summary>
    public IReadOnlyList<double> GapMilliseconds() =>
        [.. Candidates.SelectMany(answer => answer.Gaps(At, Recovered)).Select(gap => gap.TotalMilliseconds).OrderDescending().Take(Held)];
}
