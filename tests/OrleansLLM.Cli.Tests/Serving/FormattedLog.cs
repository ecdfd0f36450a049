using System.Threading.Channels;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;
using OrleansLLM.Cli.Arguments;
using OrleansLLM.Cli.Serving;

namespace OrleansLLM.Cli.Tests.Serving;

/// <summary>Lines as the console of a server would have them.</summary>
internal sealed class FormattedLog<TCategory> : ILogger<TCategory>, IAsyncDisposable
{
    private readonly Channel<string> _lines = Channel.CreateUnbounded<string>();
    private readonly ServiceProvider _services;
    private readonly ConsoleFormatter _formatter;

    public FormattedLog(TimeProvider time, LogFormat format)
    {
        _services = new ServiceCollection().AddSingleton(time).AddLogging(logging => Logs.Add(logging, format)).BuildServiceProvider();
        var name = format == LogFormat.Json ? ConsoleFormatterNames.Json : LineFormatter.FormatterName;
        _formatter = _services.GetServices<ConsoleFormatter>().Single(formatter => formatter.Name == name);
    }

    public ChannelReader<string> Lines => _lines.Reader;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        using var writer = new StringWriter { NewLine = "\n" };
        _formatter.Write(new LogEntry<TState>(logLevel, "OrleansLLM", eventId, state, exception, formatter), null, writer);
        _lines.Writer.TryWrite(writer.ToString());
    }

    public bool IsEnabled(LogLevel logLevel) => true;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public ValueTask DisposeAsync() => _services.DisposeAsync();
}
