namespace OrleansLLM.Sequences;

/// <summary>Bytes that all logs of a registry hold together, about. Thread-safe.</summary>
internal sealed class LogMemory
{
    /// <summary>Of a log without a token: itself, its place in the index, its timer and a reader.</summary>
    public const long PerLog = 1024;

    private long _bytes;

    public long Bytes => Volatile.Read(ref _bytes);

    public void Add(long bytes) => Interlocked.Add(ref _bytes, bytes);

    /// <summary>What a request's logs hold before their first token.</summary>
    public static long Of(GenerationRequest request, int logs) => (logs * PerLog) + Shared(request);

    /// <summary>What stands there once for all of them: the prompt and the envelope.</summary>
    public static long Shared(GenerationRequest request) => (sizeof(int) * (long)request.PromptIds.Length) + request.Envelope.Length;
}
