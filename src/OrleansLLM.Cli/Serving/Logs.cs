using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;
using OrleansLLM.Cli.Arguments;

namespace OrleansLLM.Cli.Serving;

/// <summary>Where log lines go and which ones. No line holds a prompt's text. Disposing a log waits for its last line.</summary>
internal static class Logs
{
    public static ILoggerFactory OfServer(LogFormat format) => LoggerFactory.Create(logging => Add(logging, format));

    /// <summary>What goes wrong behind a command that somebody waits for, on the error stream.</summary>
    public static ILoggerFactory OfTerminal() => LoggerFactory.Create(logging =>
    {
        logging.SetMinimumLevel(LogLevel.Warning);
        AddConsole(logging, LogFormat.Text, LogLevel.Warning);
    });

    /// <summary>A server's own lines, and others' warnings; what ends it goes to the error stream.</summary>
    internal static void Add(ILoggingBuilder logging, LogFormat format)
    {
        logging.AddFilter((category, level) => level >= (IsOurs(category) ? LogLevel.Information : LogLevel.Warning));
        logging.AddFilter("Orleans.Runtime.Silo", LogLevel.Error); // it recommends the server's garbage collector, which would take more memory
        logging.AddFilter("Orleans.Runtime.Watchdog", LogLevel.Error); // it takes its own first look for a stall
        logging.AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.None); // what it says is thrown too
        AddConsole(logging, format, LogLevel.Critical);
    }

    private static void AddConsole(ILoggingBuilder logging, LogFormat format, LogLevel toErrorStream)
    {
        logging.Services.Configure<ConsoleLoggerOptions>(console => console.LogToStandardErrorThreshold = toErrorStream);
        if (format == LogFormat.Json)
        {
            logging.AddJsonConsole(console =>
            {
                console.UseUtcTimestamp = true;
                console.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ";
            });
        }
        else
        {
            logging.Services.TryAddSingleton(TimeProvider.System);
            logging.AddConsole(console => console.FormatterName = LineFormatter.FormatterName);
            logging.AddConsoleFormatter<LineFormatter, ConsoleFormatterOptions>();
        }
    }

    private static bool IsOurs(string? category) => category?.StartsWith("OrleansLLM", StringComparison.Ordinal) == true;
}
