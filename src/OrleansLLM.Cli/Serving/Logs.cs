using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;
using OrleansLLM.Cli.Arguments;

namespace OrleansLLM.Cli.Serving;

/// <summary>Where log lines go and which ones. No line holds a prompt's text. Disposing a log waits for its last line, while it flows.</summary>
internal sealed class Logs : IDisposable
{
    private readonly ServiceProvider _services;

    private Logs(Action<ILoggingBuilder> configure)
    {
        _services = new ServiceCollection().AddLogging(configure).BuildServiceProvider();
        (Factory, Output) = (_services.GetRequiredService<ILoggerFactory>(), _services.GetRequiredService<LogOutput>());
    }

    public ILoggerFactory Factory { get; }

    /// <summary>For what is said beside log lines.</summary>
    public LogOutput Output { get; }

    public static Logs OfServer(LogFormat format) => new(logging => Add(logging, format));

    /// <summary>What goes wrong behind a command that somebody waits for, on the error stream.</summary>
    public static Logs OfTerminal() => new(logging =>
    {
        logging.SetMinimumLevel(LogLevel.Warning);
        AddOutput(logging, LogFormat.Text, LogLevel.Warning);
    });

    public void Dispose() => _services.Dispose();

    /// <summary>A server's own lines, and others' warnings; what ends it goes to the error stream.</summary>
    internal static void Add(ILoggingBuilder logging, LogFormat format)
    {
        logging.AddFilter((category, level) => level >= (IsOurs(category) ? LogLevel.Information : LogLevel.Warning));
        logging.AddFilter("Orleans.Runtime.Silo", LogLevel.Critical); // it recommends the server's garbage collector, which would take more memory; why it can't start is thrown too
        logging.AddFilter("Orleans.Runtime.SiloLifecycleSubject", LogLevel.Critical); // thrown too
        foreach (var category in (string[])["MembershipService", "Messaging.Connection", "Metadata", "GrainDirectory", "GrainCallCancellationManager", "AsyncTimer", "CallbackData"])
        {
            logging.AddFilter($"Orleans.Runtime.{category}", LogLevel.Critical); // of a silo that died they say much, our log of members a line
        }

        logging.AddFilter("Orleans.Messaging", LogLevel.Critical); // each message to a silo that died; whoever sent it is told
        logging.AddFilter("Polly", LogLevel.Critical); // every try of what fails in the end, and is thrown then
        logging.AddFilter("Orleans.Runtime.Watchdog", LogLevel.Error); // it takes its own first look for a stall
        logging.AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.None); // what it says is thrown too
        AddOutput(logging, format, LogLevel.Critical);
    }

    private static void AddOutput(ILoggingBuilder logging, LogFormat format, LogLevel toErrorStream)
    {
        if (format == LogFormat.Json)
        {
            logging.AddJsonConsole(console =>
            {
                console.UseUtcTimestamp = true;
                console.TimestampFormat = "O"; // one of few that know no calendar but the Gregorian, whatever the machine's locale
            });
        }
        else
        {
            logging.Services.TryAddSingleton(TimeProvider.System);
            logging.AddConsoleFormatter<LineFormatter, ConsoleFormatterOptions>();
        }

        // The console's own provider waits for whoever reads it; its formatters stay.
        logging.ClearProviders();
        logging.Services.AddSingleton(new LogOutputOptions(
            format == LogFormat.Json ? ConsoleFormatterNames.Json : LineFormatter.FormatterName, toErrorStream));
        logging.Services.AddSingleton<LogOutput>();
        logging.Services.AddSingleton<ILoggerProvider>(services => services.GetRequiredService<LogOutput>());
    }

    private static bool IsOurs(string? category) => category?.StartsWith("OrleansLLM", StringComparison.Ordinal) == true;
}
