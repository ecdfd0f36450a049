using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging;

namespace OrleansLLM.Cli.Serving.Connections;

/// <summary>Sockets for Kestrel whose listener leaves descriptors free, where Kestrel's own takes the last and then asks again without a pause.</summary>
internal sealed class PatientListenerFactory(ILoggerFactory loggers, TimeProvider time) : IConnectionListenerFactory, IConnectionListenerFactorySelector
{
    public bool CanBind(EndPoint endpoint) => endpoint is IPEndPoint;

    /// <exception cref="AddressInUseException">Another process listens there.</exception>
    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
    {
        var options = new SocketTransportOptions();
        try
        {
            var socket = options.CreateBoundListenSocket(endpoint);
            socket.Listen(options.Backlog);
            return new(new PatientListener(socket, connections => OpenFiles.HaveRoom(socket.Handle, connections), loggers, time));
        }
        catch (SocketException error) when (error.SocketErrorCode == SocketError.AddressAlreadyInUse)
        {
            throw new AddressInUseException(error.Message, error);
        }
    }
}
