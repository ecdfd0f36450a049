using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using OrleansLLM.Cli.Arguments;
using OrleansLLM.Cli.Serving;
using OrleansLLM.Cli.Serving.Connections;
using OrleansLLM.Gateway;
using OrleansLLM.Hosting;

namespace OrleansLLM.Cli.Tests.Serving;

/// <summary>Connections that idle, and more of them than the process may have.</summary>
public sealed class ConnectionsTests : IDisposable
{
    private readonly FakeTimeProvider _time = new();
    private readonly Pauses _pauses = new();
    private readonly FakeLoggerProvider _log = new();
    private readonly LoggerFactory _loggers;

    public ConnectionsTests() => _loggers = new LoggerFactory([_log]);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_connection_without_a_request_ends_after_30_s_and_one_with_idle_time_after_120()
    {
        var options = new ServerOptions("127.0.0.1", 0, new GatewayOptions(), TimeSpan.Zero, LogFormat.Text);
        await using var model = new ModelHost(_ => Task.FromException<LoadedModel>(new ModelLoadException("none")));
        await using var app = ServeHost.Build(options, model, builder => builder.Services.AddSingleton(model).AddSingleton<IGenerator, ModelGenerator>());
        var limits = app.Services.GetRequiredService<IOptions<KestrelServerOptions>>().Value.Limits;
        Assert.Equal((120, 30), (limits.KeepAliveTimeout.TotalSeconds, limits.RequestHeadersTimeout.TotalSeconds));
        Assert.IsType<PatientListenerFactory>(app.Services.GetServices<IConnectionListenerFactory>().Last());
        Assert.Equal(TimeSpan.FromSeconds(30), ServeHost.FirstRequestTimeout);
    }

    [Fact]
    public async Task A_connection_that_says_nothing_is_given_up_at_its_limit_and_not_before()
    {
        var (served, run) = Open(out var client);
        _time.Advance(TimeSpan.FromSeconds(29.9));
        Assert.False(run.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(0.2));
        await run.WaitAsync(Cancellation);
        Assert.False(served.Task.IsCompleted);
        await client.Output.CompleteAsync();
    }

    [Fact]
    public async Task A_connection_that_has_begun_is_served_from_its_first_byte()
    {
        var (served, run) = Open(out var client);
        await client.Output.WriteAsync("G"u8.ToArray(), Cancellation);
        Assert.Equal("G"u8.ToArray(), await served.Task.WaitAsync(Cancellation));
        _time.Advance(TimeSpan.FromSeconds(60));
        await run.WaitAsync(Cancellation);
    }

    [Fact]
    public async Task A_connection_that_leaves_without_a_word_is_not_served()
    {
        var (served, run) = Open(out var client);
        await client.Output.CompleteAsync();
        await run.WaitAsync(Cancellation);
        Assert.False(served.Task.IsCompleted);
    }

    /// <summary>The limit is 1,024 or 300 files; the last number is that of the lowest free one.</summary>
    [Theory]
    [InlineData(true, 1024, 0, 250)]
    [InlineData(true, 1024, 700, 959)]
    [InlineData(false, 1024, 700, 960)]
    [InlineData(true, 300, 10, 270)]
    [InlineData(false, 300, 21, 281)]
    [InlineData(true, 300, 0, 295)]
    [InlineData(false, 300, 0, 296)]
    public void Connections_leave_descriptors_to_others(bool fits, long limit, int connections, int lowest) =>
        Assert.Equal(fits, OpenFiles.HaveRoom(limit, lowest, connections));

    [Fact]
    public async Task Beyond_its_room_it_says_so_once_and_takes_more_within_a_second_of_some_having_gone()
    {
        using var socket = Listen();
        var most = 2;
        await using var listener = new PatientListener(socket, connections => connections < most, _loggers, _pauses);
        using var clients = new IdleClients((IPEndPoint)listener.EndPoint, 4);
        var first = (await listener.AcceptAsync(Cancellation))!;
        await using var second = (await listener.AcceptAsync(Cancellation))!;
        var waiting = listener.AcceptAsync(Cancellation).AsTask();
        for (var looks = 0; looks < 10; looks++)
        {
            await _pauses.PassAsync(Cancellation);
            Assert.False(waiting.IsCompleted);
        }

        await first.DisposeAsync();
        await _pauses.PassUntilAsync(waiting, Cancellation);
        await using var third = (await waiting)!;
        most = 3;
        await using var fourth = (await listener.AcceptAsync(Cancellation))!;
        AssertWarnedOnce("NoFileDescriptors");
        var last = listener.AcceptAsync(Cancellation).AsTask();
        await listener.UnbindAsync(Cancellation);
        Assert.Null(await last.WaitAsync(TimeSpan.FromSeconds(30), Cancellation));
    }

    /// <summary>A listening socket that is shut down refuses every accept, as a system without memory does.</summary>
    [Fact]
    public async Task A_system_that_gives_no_connections_is_asked_some_times_a_second_and_named_once()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Others can't shut down a listening socket.");
        using var socket = Listen();
        await using var listener = new PatientListener(socket, _ => true, _loggers, _pauses);
        socket.Shutdown(SocketShutdown.Both);
        var waiting = Task.Run(() => listener.AcceptAsync(Cancellation).AsTask(), Cancellation);
        for (var looks = 0; looks < 10; looks++)
        {
            await _pauses.PassAsync(Cancellation);
            Assert.False(waiting.IsCompleted);
        }

        AssertWarnedOnce("NoConnections");
        await listener.UnbindAsync(Cancellation);
        Assert.Null(await waiting.WaitAsync(TimeSpan.FromSeconds(30), Cancellation));
    }

    public void Dispose() => _loggers.Dispose();

    private static Socket Listen()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        socket.Listen();
        return socket;
    }

    private void AssertWarnedOnce(string name)
    {
        var record = Assert.Single(_log.Collector.GetSnapshot(), record => record.Level >= LogLevel.Warning);
        Assert.Equal((LogLevel.Warning, name), (record.Level, record.Id.Name));
    }

    /// <summary>What its server would read of it first, and its end.</summary>
    private (TaskCompletionSource<byte[]> Served, Task Run) Open(out IDuplexPipe client)
    {
        var (toServer, toClient) = (new Pipe(), new Pipe());
        client = new Duplex(toClient.Reader, toServer.Writer);
        var connection = new DefaultConnectionContext("1", new Duplex(toServer.Reader, toClient.Writer), client);
        var served = new TaskCompletionSource<byte[]>(TaskCreationOptions.RunContinuationsAsynchronously);
        var run = FirstRequest.Within(ServeHost.FirstRequestTimeout, _time)(async context =>
        {
            var read = await context.Transport.Input.ReadAsync(Cancellation);
            served.SetResult([.. read.Buffer.FirstSpan]);
        })(connection);
        return (served, run);
    }

    private sealed record Duplex(PipeReader Input, PipeWriter Output) : IDuplexPipe;

    /// <summary>A clock that goes on by what is waited for, which is never more than a second.</summary>
    private sealed class Pauses : FakeTimeProvider
    {
        private readonly Channel<TimeSpan> _begun = Channel.CreateUnbounded<TimeSpan>();

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            var timer = base.CreateTimer(callback, state, dueTime, period);
            _begun.Writer.TryWrite(dueTime);
            return timer;
        }

        /// <summary>Ends the next pause once it has begun.</summary>
        public async Task PassAsync(CancellationToken cancellation)
        {
            var pause = await _begun.Reader.ReadAsync(cancellation).AsTask().WaitAsync(TimeSpan.FromSeconds(30), cancellation);
            Assert.InRange(pause, TimeSpan.FromTicks(1), TimeSpan.FromSeconds(1));
            Advance(pause);
        }

        /// <summary>What is waited for may become true shortly before or behind the next look.</summary>
        public async Task PassUntilAsync(Task done, CancellationToken cancellation)
        {
            while (!done.IsCompleted)
            {
                var next = _begun.Reader.WaitToReadAsync(cancellation).AsTask();
                if (await Task.WhenAny(done, next).WaitAsync(TimeSpan.FromSeconds(30), cancellation) == next)
                {
                    await PassAsync(cancellation);
                }
            }
        }
    }
}
