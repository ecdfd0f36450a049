namespace OrleansLLM.Gateway.OpenAI;

internal sealed record ClusterAnswer(IReadOnlyList<SiloCard> Silos, IReadOnlyList<WorkerCard> Workers, SequenceCounts Sequences)
{
    public string Object { get; } = "cluster";
}

internal sealed record SiloCard(string Name, string Address, IReadOnlyList<string> Roles);

/// <param name="SystemFingerprint">As answers say it.</param>
/// <param name="Incarnation">Hexadecimal: 64 bits, which a JSON number does not hold everywhere.</param>
/// <param name="ReportAge">Seconds since it last spoke.</param>
internal sealed record WorkerCard(
    string Id, string Model, string Fingerprint, string SystemFingerprint, string Device, string Phase, string? Failure, string Incarnation, double ReportAge, LoadCard Load);

internal sealed record LoadCard(int Running, int Waiting, int Preempted, int TotalBlocks, int UsedBlocks, int CachedBlocks);

/// <param name="Live">That run or wait.</param>
/// <param name="TwoCopies">Of these, those that outlive the death of any one process.</param>
internal sealed record SequenceCounts(int Live, int TwoCopies);
