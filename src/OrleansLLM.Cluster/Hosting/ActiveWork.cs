namespace OrleansLLM.Cluster;

/// <summary>What a silo does by itself from when it is active until it stops.</summary>
internal abstract class ActiveWork : ILifecycleParticipant<ISiloLifecycle>, IDisposable
{
    private readonly CancellationTokenSource _ending = new();
    private Task _work = Task.CompletedTask;

    public void Participate(ISiloLifecycle lifecycle) => lifecycle.Subscribe(GetType().Name, ServiceLifecycleStage.Active, StartAsync, StopAsync);

    public void Dispose() => _ending.Dispose();

    /// <summary>Before the work, while the silo still waits.</summary>
    protected virtual void Begin()
    {
    }

    protected abstract Task RunAsync(CancellationToken ending);

    private Task StartAsync(CancellationToken cancellation)
    {
        Begin();
        _work = Task.Run(() => RunAsync(_ending.Token), CancellationToken.None);
        return Task.CompletedTask;
    }

    private async Task StopAsync(CancellationToken cancellation)
    {
        await _ending.CancelAsync().ConfigureAwait(false);
        await _work.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }
}
