namespace OrleansLLM.Cluster;

/// <summary>Asks for the worker of a request.</summary>
/// <param name="Prefix">The prompt's chunk hashes, as <see cref="PrefixChunks"/> makes them.</param>
/// <param name="Excluded">Incarnations that are not to be chosen: they failed, refused or drain.</param>
/// <param name="Fingerprint">Of the engine whose tokens are to be gone on with, which is preferred; empty for none.</param>
[GenerateSerializer, Immutable, Alias("OrleansLLM.RouteQuery")]
public sealed record RouteQuery([property: Id(0)] byte[] Prefix, [property: Id(1)] long[] Excluded, [property: Id(2)] string Fingerprint = "")
{
    public static RouteQuery For(GenerationRequest request, IEnumerable<long> excluded, string fingerprint = "") =>
        new(PrefixChunks.Hash(request.PromptIds.Span, request.PrefixOwner), [.. excluded], fingerprint);
}

/// <param name="Worker">Null where nobody serves the model; then <paramref name="Reason"/> and <paramref name="Message"/> say why.</param>
/// <param name="Incarnation">The worker's.</param>
/// <param name="Fingerprint">The worker's.</param>
[GenerateSerializer, Immutable, Alias("OrleansLLM.RouteReply")]
public sealed record RouteReply(
    [property: Id(0)] WorkerId? Worker,
    [property: Id(1)] RefusalReason Reason = default,
    [property: Id(2)] string Message = "",
    [property: Id(3)] long Incarnation = 0,
    [property: Id(4)] string Fingerprint = "");

/// <summary>Asks how much of a prompt a worker has cached.</summary>
/// <param name="PromptIds">Little-endian int32 ids.</param>
[GenerateSerializer, Immutable, Alias("OrleansLLM.PrefixQuery")]
public sealed record PrefixQuery([property: Id(0)] byte[] PromptIds, [property: Id(1)] string PrefixOwner);
