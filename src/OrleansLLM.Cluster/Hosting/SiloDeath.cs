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
        if (_declared.TrySetResult($"This silo can't be a member of its cluster any more. {context} {exception?.Message}".TrimEnd()))
        {
            LogFatal(exception, sender?.GetType().Name, context);
        }
    }

    [LoggerMessage(LogLevel.Error, "Fatal for this silo, by {Sender}: {Context}")]
    private partial void LogFatal(Exception? exception, string? sender, string? context);
}
