using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging;

namespace OrleansLLM.Cli.Serving.Connections;

/// <summary>
/// Accepts connections while the process has descriptors to spare and the system gives it connections; others wait in the system's queue, and
/// some times a second it tries again. The log learns of it once in a while of trouble. Errors come without exceptions: to make one may take a
/// descriptor.
/// </summary>
/// <param name="hasRoom">Whether another connection fits beside that many.</param>
internal sealed partial class PatientListener(Socket socket, Func<int, bool> hasRoom, ILoggerFactory loggers, TimeProvider time) : IConnectionListener
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan Calm = TimeSpan.FromMinutes(1);

    private readonly ILogger _logger = loggers.CreateLogger<PatientListener>();
    private readonly SocketConnectionContextFactory _contexts = new(
        new SocketConnectionFactoryOptions(), loggers.CreateLogger("Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets"));

    private readonly CancellationTokenSource _unbound = new();
    private int _connections;
    private long? _lastTrouble;

    public EndPoint EndPoint { get; } = socket.LocalEndPoint!;

    /// <summary>Null once it is unbound.</summary>
    public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        while (!_unbound.IsCancellationRequested)
        {
            if (!hasRoom(Volatile.Read(ref _connections)))
            {
                await RestAsync(SocketError.TooManyOpenSockets).ConfigureAwait(false);
                continue;
            }

            using var accept = new Accept();
            switch (await accept.FromAsync(socket).ConfigureAwait(false))
            {
                case SocketError.Success:
                    return Open(accept.Taken!);
                case SocketError.ConnectionAborted or SocketError.ConnectionReset or SocketError.Interrupted or SocketError.OperationAborted:
                    break; // the connection has gone before it was taken, or the listener has
                case var trouble:
                    await RestAsync(trouble).ConfigureAwait(false);
                    break;
            }
        }

        return null;
    }

    public ValueTask UnbindAsync(CancellationToken cancellationToken = default)
    {
        _unbound.Cancel();
        socket.Dispose();
        return default;
    }

    public async ValueTask DisposeAsync()
    {
        await UnbindAsync().ConfigureAwait(false);
        _contexts.Dispose();
    }

    private ConnectionContext Open(Socket accepted)
    {
        accepted.NoDelay = true;
        Interlocked.Increment(ref _connections);
        var connection = _contexts.Create(accepted);
        connection.ConnectionClosed.UnsafeRegister(static self => Interlocked.Decrement(ref ((PatientListener)self!)._connections), this);
        return connection;
    }

    private async Task RestAsync(SocketError trouble)
    {
        var now = time.GetTimestamp();
        if (_lastTrouble is not { } last || time.GetElapsedTime(last, now) > Calm)
        {
            Log(trouble);
        }

        _lastTrouble = now;
        await Task.Delay(Pause, time, _unbound.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private void Log(SocketError trouble)
    {
        if (trouble == SocketError.TooManyOpenSockets)
        {
            LogFull(OpenFiles.Limit, _connections);
        }
        else
        {
            LogTrouble(trouble);
        }
    }

    [LoggerMessage(
        1, LogLevel.Warning,
        "This process may have {Limit} files open, {Connections} of them are connections, and more would leave it none: new ones wait until others close. Raise the limit (ulimit -n), or close connections that idle.",
        EventName = "NoFileDescriptors")]
    private partial void LogFull(long? limit, int connections);

    [LoggerMessage(
        2, LogLevel.Warning, "The system gives this process no connections ({Trouble}): new ones wait until it does again.", EventName = "NoConnections")]
    private partial void LogTrouble(SocketError trouble);

    /// <summary>One accept, whose error is a value.</summary>
    private sealed class Accept : SocketAsyncEventArgs
    {
        private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Socket? Taken => AcceptSocket;

        public async Task<SocketError> FromAsync(Socket socket)
        {
            try
            {
                if (socket.AcceptAsync(this))
                {
                    await _done.Task.ConfigureAwait(false);
                }

                return SocketError;
            }
            catch (ObjectDisposedException)
            {
                return SocketError.OperationAborted;
            }
        }

        protected override void OnCompleted(SocketAsyncEventArgs e) => _done.TrySetResult();
    }
}
