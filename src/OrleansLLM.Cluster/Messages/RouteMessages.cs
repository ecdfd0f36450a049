namespace OrleansLLM.Cluster;

/// <summary>Asks for the worker of a request.</summary>
/// <param name="Prefix">The prompt's chunk hashes, as <see cref="PrefixChunks"/> makes them.</param>
[GenerateSerializer, Immutable, Alias("OrleansLLM.RouteQuery")]
public sealed record RouteQuery([property: Id(0)] byte[] Prefix)
{
    public static RouteQuery For(GenerationRequest request) => new(PrefixChunks.Hash(request.PromptIds.Span, request.PrefixOwner));
}

/// <param name="Worker">Null where nobody serves the model; then <paramref name="Reason"/> and <paramref name="Message"/> say why.</param>
[GenerateSerializer, Immutable, Alias("OrleansLLM.RouteReply")]
public sealed record RouteReply(
    [property: Id(0)] WorkerId? Worker, [property: Id(1)] RefusalReason Reason = default, [property: Id(2)] string Message = "");

/// <summary>Asks how much of a prompt a worker has cached.</summary>
/// <param name="PromptIds">Little-endian int32 ids.</param>
[GenerateSerializer, Immutable, Alias("OrleansLLM.PrefixQuery")]
public sealed record PrefixQuery([property: Id(0)] byte[] PromptIds, [property: Id(1)] string PrefixOwner);
