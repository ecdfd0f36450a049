using OrleansLLM.Text;

namespace OrleansLLM.Cli.Serving;

/// <summary>
/// The model of a gateway whose workers are other processes: its text from the model's folder, and whether it is served from what workers say.
/// Requests are taken from the first worker on; later, where there is none, the router says so. Thread-safe.
/// </summary>
internal sealed class FleetModels : IServedModels, IAsyncDisposable
{
    private readonly CancellationTokenSource _ending = new();
    private readonly Lock _gate = new();
    private readonly TaskCompletionSource _served = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile ServingPhase _phase = ServingPhase.Loading;
    private volatile IReadOnlyList<ServedModel> _models = [];
    private volatile IReadOnlyList<WorkerId> _workers = [];
    private int _isDisposed;

    /// <param name="loadText">Runs on the thread pool.</param>
    public FleetModels(Func<CancellationToken, Task<ServedModel>> loadText)
    {
        Text = Task.Run(() => LoadAsync(loadText));
    }

    /// <summary>Fails with what was wrong with the model.</summary>
    public Task<ServedModel> Text { get; }

    /// <summary>Completes with the first worker; fails as <see cref="Text"/>.</summary>
    public Task Served => _served.Task;

    public IReadOnlyList<ServedModel> Models => _models;

    public ServingPhase Phase => _phase;

    public string? Failure => null;

    /// <summary>Workers that are ready for requests, as of the last look.</summary>
    public IReadOnlyList<WorkerId> Workers => _workers;

    /// <summary>From now on no request is taken; what runs goes on.</summary>
    public void BeginDrain()
    {
        lock (_gate)
        {
            _phase = ServingPhase.Draining;
        }
    }

    /// <summary>The first worker is there.</summary>
    /// <param name="maxLength">Tokens of prompt and output together, as it says.</param>
    public void Begin(ServedModel text, int maxLength)
    {
        _models = [text with { MaxLength = maxLength }];
        Enter(ServingPhase.Ready);
        _served.TrySetResult();
    }

    /// <summary>Who serves the model now.</summary>
    public void Note(IReadOnlyList<WorkerId> workers) => _workers = workers;

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) == 0)
        {
            await _ending.CancelAsync().ConfigureAwait(false);
            await ((Task)Text).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            _ending.Dispose();
        }
    }

    private async Task<ServedModel> LoadAsync(Func<CancellationToken, Task<ServedModel>> load)
    {
        try
        {
            var model = await load(_ending.Token).ConfigureAwait(false);
            Enter(ServingPhase.Waiting);
            return model;
        }
        catch (Exception error)
        {
            Enter(ServingPhase.Failed);
            _served.TrySetException(error);
            throw;
        }
    }

    /// <summary>Draining is the last one.</summary>
    private void Enter(ServingPhase phase)
    {
        lock (_gate)
        {
            _phase = _phase == ServingPhase.Draining ? _phase : phase;
        }
    }
}
