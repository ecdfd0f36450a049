using Microsoft.Extensions.Logging;
using OrleansLLM.Cli.Arguments;

namespace OrleansLLM.Cli.Serving;

/// <summary>Why a server ends though nobody asked it to: a sentence for people, a line of the log for machines.</summary>
internal sealed partial class FailureReport(LogFormat format, Logs logs)
{
    /// <summary>As a process that aborts.</summary>
    private const int CrashCode = 134;

    private readonly ILogger _logger = logs.Factory.CreateLogger<FailureReport>();

    /// <summary>The runtime prints an exception that nobody caught as text: with a log for machines, it becomes their last line.</summary>
    public void WatchForCrashes()
    {
        if (format == LogFormat.Json)
        {
            AppDomain.CurrentDomain.UnhandledException += (_, crash) =>
            {
                LogCrash(crash.ExceptionObject as Exception);
                logs.Dispose();
                Environment.Exit(CrashCode);
            };
        }
    }

    public void Add(string message)
    {
        if (format == LogFormat.Json)
        {
            LogFailure(message);
        }
        else
        {
            logs.Output.WriteErrorLine(message);
        }
    }

    /// <summary>An exception that ends the command, for a log for machines; for people the command line prints it.</summary>
    public void Add(Exception exception) => LogCrash(exception);

    [LoggerMessage(1, LogLevel.Critical, "{Message}", EventName = "Failed")]
    private partial void LogFailure(string message);

    [LoggerMessage(2, LogLevel.Critical, "The server crashed.", EventName = "Crashed")]
    private partial void LogCrash(Exception? exception);
}
