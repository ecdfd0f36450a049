namespace OrleansLLM.Models;

/// <summary>How far loading is, in bytes of the file's tensors.</summary>
public readonly record struct LoadProgress(long LoadedBytes, long TotalBytes);
