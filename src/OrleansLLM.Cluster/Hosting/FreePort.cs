using System.Net;
using System.Net.Sockets;

namespace OrleansLLM.Cluster;

/// <summary>A port for a silo that nobody gave one: outside of the range from which systems take those of connections, which come and go.</summary>
internal static class FreePort
{
    private const int First = 10_000;
    private const int Last = 32_000;
    private const int Tries = 1000;

    /// <exception cref="SiloStartException">None was found.</exception>
    public static int Find(IPAddress address)
    {
        for (var tried = 0; tried < Tries; tried++)
        {
            var port = Random.Shared.Next(First, Last);
            if (IsFree(new IPEndPoint(address, port)))
            {
                return port;
            }
        }

        throw new SiloStartException(FormattableString.Invariant($"No free port for other silos was found at {address}: give one with --silo-port, or another address with --advertise."));
    }

    private static bool IsFree(IPEndPoint endpoint)
    {
        using var socket = new Socket(endpoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(endpoint);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
