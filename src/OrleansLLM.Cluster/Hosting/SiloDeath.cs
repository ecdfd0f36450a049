using Microsoft.Extensions.Logging;

namespace OrleansLLM.Cluster;

/// <summary>
/// Why this silo can't be a member any more: the others have called it dead, or Orleans can't go on. Nothing that it does then counts, so its
/// process has to end with <see cref="ExitCode"/> and may be started anew. Thread-safe.
/// </summary>
public sealed partial class SiloDeath(ILogger<SiloDeath> logger) : IFatalErrorHandler
{
    /// <summary>As sysexits.h has it for what is worth trying again.</summary>
    public const int ExitCode = 75;

    private readonly TaskCompletionSource<string> _declared = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The reason, as a sentence, once there is one.</summary>
    public Task<string> Declared => _declared.Task;

    public bool IsUnexpected(Exception exception) => exception is not OperationCanceledException;

    public void OnFatalException(object? sender = null, string? context = null, Exception? exception = null)
    {
        var reason = exception is null
            ? "The other silos have called this one dead, since it stood still or could not be reached: nothing that it does counts any more. Start it again."
            : $"This silo can't be a member of its cluster any more, by a mistake of this program: {exception.Message}";
        if (_declared.TrySetResult(reason))
        {
            LogFatal(exception is null ? LogLevel.Debug : LogLevel.Error, exception, context);
        }
    }

    [LoggerMessage("Fatal for this silo: {Context}")]
    private partial void LogFatal(LogLevel level, Exception? exception, string? context);
}
