using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;
using OrleansLLM.Cli.Arguments;
using OrleansLLM.Cli.Serving;
using OrleansLLM.Gateway;

namespace OrleansLLM.Cli.Tests.Serving;

public sealed class AnnouncerTests
{
    [Theory]
    [InlineData("127.0.0.1", "http://127.0.0.1:8000", "http://127.0.0.1:8000", 0, false)]
    [InlineData("localhost", "http://127.0.0.1:8000", "http://127.0.0.1:8000", 0, false)]
    [InlineData("::1", "http://[::1]:8000", "http://[::1]:8000", 0, false)]
    [InlineData("0.0.0.0", "http://0.0.0.0:8000", "http://127.0.0.1:8000", 0, true)]
    [InlineData("0.0.0.0", "http://0.0.0.0:8000", "http://127.0.0.1:8000", 1, false)]
    [InlineData("::", "http://[::]:8000", "http://[::1]:8000", 0, true)]
    [InlineData("192.168.1.2", "http://192.168.1.2:8000", "http://192.168.1.2:8000", 0, true)]
    public void It_says_what_to_type_and_warns_where_others_can_come_without_a_key(string host, string bound, string url, int keys, bool warns)
    {
        var log = new LineLog();
        using var output = new LogOutput(
            new LogOutputOptions(LineFormatter.FormatterName, LogLevel.Critical), [new LineFormatter(TimeProvider.System)], () => Stream.Null, () => Stream.Null);
        var options = new ServerOptions(
            host, 8000, new GatewayOptions { ApiKeys = [.. Enumerable.Repeat(new ApiKey("key-1", "secret"), keys)] }, TimeSpan.Zero, LogFormat.Text);
        new Announcer(new Server(bound), options, output, log).OnListening("a/model");
        Assert.Equal($"Information: Listening on {url} (host {host}), loading a/model", log.Lines[0]);
        Assert.Equal(
            warns ? [$"Warning: Anybody who reaches {host} can use this server: give it an --api-key, or listen on 127.0.0.1."] : [], log.Lines.Skip(1));
    }

    private sealed class Server : IServer
    {
        public Server(string address)
        {
            var addresses = new ServerAddressesFeature();
            addresses.Addresses.Add(address);
            Features.Set<IServerAddressesFeature>(addresses);
        }

        public IFeatureCollection Features { get; } = new FeatureCollection();

        public Task StartAsync<TContext>(IHttpApplication<TContext> application, CancellationToken cancellationToken)
            where TContext : notnull => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public void Dispose()
        {
        }
    }

    private sealed class ServerAddressesFeature : IServerAddressesFeature
    {
        public ICollection<string> Addresses { get; } = [];

        public bool PreferHostingUrls { get; set; }
    }

    private sealed class LineLog : ILogger<Announcer>
    {
        public List<string> Lines { get; } = [];

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Lines.Add($"{logLevel}: {formatter(state, exception)}");

        public bool IsEnabled(LogLevel logLevel) => true;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;
    }
}
