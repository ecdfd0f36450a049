using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection;

namespace OrleansLLM.Cluster;

/// <summary>Listens to nobody: a cluster of one has no peers, so it opens no port.</summary>
internal sealed class SilentListener(EndPoint endpoint) : IConnectionListener
{
    private readonly TaskCompletionSource<ConnectionContext?> _stopped = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public EndPoint EndPoint { get; } = endpoint;

    public ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default) =>
        new(_stopped.Task.WaitAsync(cancellationToken));

    public ValueTask UnbindAsync(CancellationToken cancellationToken = default)
    {
        _stopped.TrySetResult(null);
        return default;
    }

    public ValueTask DisposeAsync() => UnbindAsync();
}

internal sealed class SilentListenerFactory : IConnectionListenerFactory
{
    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default) =>
        new(new SilentListener(endpoint));
}

internal static class SilentListening
{
    /// <summary>Replaces the sockets that Orleans registered for its silo and gateway endpoints.</summary>
    public static void ListenNowhere(this IServiceCollection services)
    {
        var listeners = services.Where(service => service.IsKeyedService && service.ServiceType == typeof(IConnectionListenerFactory)).ToList();
        foreach (var listener in listeners)
        {
            services.Remove(listener);
            services.AddKeyedSingleton<IConnectionListenerFactory, SilentListenerFactory>(listener.ServiceKey);
        }
    }
}
