using OrleansLLM.Compute;

namespace OrleansLLM.Models;

/// <summary>What an engine asks of a model before it is loaded.</summary>
/// <param name="MaxRows">Tokens that one step computes at most.</param>
/// <param name="BlockSize">Slots a cache block.</param>
/// <param name="CacheType">How keys and values are kept.</param>
public sealed record ModelLoadOptions(int MaxRows, int BlockSize, ElementType CacheType);
