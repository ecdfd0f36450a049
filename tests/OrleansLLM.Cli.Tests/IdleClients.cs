using System.Net;
using System.Net.Sockets;

namespace OrleansLLM.Cli.Tests;

/// <summary>Connections that say nothing.</summary>
internal sealed class IdleClients : IDisposable
{
    private readonly Queue<Socket> _sockets = [];

    public IdleClients(IPEndPoint server, int count)
    {
        for (var i = 0; i < count; i++)
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            _sockets.Enqueue(socket);
            socket.Connect(server);
        }
    }

    /// <summary>Those that were opened first.</summary>
    public void Close(int count)
    {
        for (var i = 0; i < count; i++)
        {
            _sockets.Dequeue().Dispose();
        }
    }

    public void Dispose() => Close(_sockets.Count);
}
