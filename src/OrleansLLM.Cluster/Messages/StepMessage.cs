namespace OrleansLLM.Cluster;

/// <summary>
/// What a worker has for one gateway since the last message: one step, or several that ran while the last one was under way.
/// The sender reuses the bytes when the call has returned.
/// </summary>
/// <param name="Gateway">The address of the silo that it is for: another life of its name drops it.</param>
/// <param name="Entries">As <see cref="StepFormat"/> writes them.</param>
[GenerateSerializer, Immutable, Alias("OrleansLLM.StepMessage")]
public sealed record StepMessage([property: Id(0)] WorkerId Worker, [property: Id(1)] ReadOnlyMemory<byte> Entries, [property: Id(2)] string Gateway);
