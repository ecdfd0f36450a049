using System.Diagnostics.Metrics;
using System.Globalization;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;

namespace OrleansLLM.Cli.Serving;

/// <summary>Which formatter a log's lines have, and from which level on they go to the error stream.</summary>
internal sealed record LogOutputOptions(string Formatter, LogLevel ToErrorStream);

/// <summary>
/// Log lines as the console's formatters write them, on both standard streams. A stream that nobody reads stops nothing but itself
/// (<see cref="LogStream"/>).
/// </summary>
internal sealed class LogOutput : ILoggerProvider, ISupportExternalScope
{
    private readonly LogOutputOptions _options;
    private readonly ConsoleFormatter _formatter;
    private readonly LogStream _output;
    private readonly LogStream _errors;
    private readonly Meter _meter = new("OrleansLLM");
    private IExternalScopeProvider? _scopes;

    public LogOutput(LogOutputOptions options, IEnumerable<ConsoleFormatter> formatters)
        : this(options, formatters, StandardStream.OpenOutput, StandardStream.OpenErrors)
    {
    }

    internal LogOutput(LogOutputOptions options, IEnumerable<ConsoleFormatter> formatters, Func<Stream> output, Func<Stream> errors)
    {
        _options = options;
        _formatter = formatters.First(formatter => formatter.Name == options.Formatter);
        (_output, _errors) = (new LogStream(output, TellDropped), new LogStream(errors, TellDropped));
        _meter.CreateObservableCounter(
            "orleansllm.log_lines_dropped", () => _output.Dropped + _errors.Dropped,
            description: "Log lines that were dropped because nobody read them.");
    }

    /// <summary>Lines without level and time, for people, in their place among the others.</summary>
    public void WriteLine(string text) => _output.Add(text + Environment.NewLine);

    /// <summary>The same on the error stream.</summary>
    public void WriteErrorLine(string text) => _errors.Add(text + Environment.NewLine);

    public ILogger CreateLogger(string categoryName) => new CategoryLogger(this, categoryName);

    public void SetScopeProvider(IExternalScopeProvider scopeProvider) => _scopes = scopeProvider;

    public void Dispose()
    {
        _meter.Dispose();
        _output.Dispose();
        _errors.Dispose();
    }

    private string TellDropped(long count) => Format(new LogEntry<long>(
        LogLevel.Warning, typeof(LogOutput).FullName!, new EventId(1, "LogLinesDropped"), count, null, static (count, _) => string.Create(
            CultureInfo.InvariantCulture, $"{count} log lines were dropped here: nobody read the log.")));

    private string Format<TState>(in LogEntry<TState> entry)
    {
        using var writer = new StringWriter(CultureInfo.InvariantCulture);
        _formatter.Write(entry, _scopes, writer);
        return writer.ToString();
    }

    private sealed class CategoryLogger(LogOutput output, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => output._scopes?.Push(state);

        public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (!IsEnabled(logLevel))
            {
                return;
            }

            var text = output.Format(new LogEntry<TState>(logLevel, category, eventId, state, exception, formatter));
            if (text.Length > 0)
            {
                (logLevel >= output._options.ToErrorStream ? output._errors : output._output).Add(text);
            }
        }
    }
}
