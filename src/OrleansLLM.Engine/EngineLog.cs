using Microsoft.Extensions.Logging;

namespace OrleansLLM.Engine;

/// <summary>All that an engine logs. Alerts are built on ids and names: they stay as they are. No message holds a token, and none comes a step.</summary>
internal static partial class EngineLog
{
    [LoggerMessage(1, LogLevel.Error, "Step {Step} failed with {Sequences} sequences; they end, the others go on.", EventName = "StepFailed")]
    public static partial void LogStepFailed(this ILogger logger, Exception exception, long step, int sequences);

    [LoggerMessage(2, LogLevel.Error, "A sink failed to take its part of a step.", EventName = "SinkFailed")]
    public static partial void LogSinkFailed(this ILogger logger, Exception exception);

    [LoggerMessage(
        3, LogLevel.Critical, "The step loop stopped on a bug in the engine; it takes nothing more, restart the server.", EventName = "LoopStopped")]
    public static partial void LogLoopStopped(this ILogger logger, Exception exception);

    [LoggerMessage(4, LogLevel.Error, "Ending the sequences of a stopped step loop failed too.", EventName = "EndingFailed")]
    public static partial void LogEndingFailed(this ILogger logger, Exception exception);

    [LoggerMessage(
        5, LogLevel.Error,
        "Step {Step} computed logits that are no numbers (NaN or infinity) for {Sequences} sequences, which end: the weights of {Model} are damaged. Compare its files with where they came from and load it again.",
        EventName = "LogitsBroken")]
    public static partial void LogLogitsBroken(this ILogger logger, long step, long sequences, string model);

    [LoggerMessage(
        6, LogLevel.Error, "The device failed to move the blocks of {Sequence} to or from host memory; it ends, the others go on.",
        EventName = "TransferFailed")]
    public static partial void LogTransferFailed(this ILogger logger, Exception exception, SequenceId sequence);

    [LoggerMessage(
        7, LogLevel.Critical, "The step loop is stuck: no progress for {Seconds} s; {Sequences} sequences end, restart the server.", EventName = "LoopStuck")]
    public static partial void LogLoopStuck(this ILogger logger, double seconds, int sequences);
}
