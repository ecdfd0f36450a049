namespace OrleansLLM.Gateway.Tests.Support;

/// <summary>One host for a class whose tests leave it as it is but for the generator's answers.</summary>
public sealed class SharedHost : IAsyncLifetime
{
    internal GatewayHost Host { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Host = await GatewayHost.StartAsync();

    public ValueTask DisposeAsync() => Host.DisposeAsync();
}
