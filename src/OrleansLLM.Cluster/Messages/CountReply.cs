namespace OrleansLLM.Cluster;

/// <param name="Sequences">Those of a gateway's that run or wait.</param>
/// <param name="Copied">Those of them that a worker has a second copy of.</param>
[GenerateSerializer, Immutable, Alias("OrleansLLM.CountReply")]
public sealed record CountReply([property: Id(0)] int Sequences, [property: Id(1)] int Copied);
