using System.Diagnostics.CodeAnalysis;
using OrleansLLM.Text;

namespace OrleansLLM.Hosting;

/// <summary>
/// The one model of a process: loads it in the background from the moment it is made, and says how far it is. Thread-safe.
/// </summary>
public sealed class ModelHost : IServedModels, IAsyncDisposable
{
    private readonly CancellationTokenSource _ending = new();
    private volatile ServingPhase _phase = ServingPhase.Loading;
    private volatile IReadOnlyList<ServedModel> _models = [];
    private int _isDisposed;

    /// <param name="load">Runs on the thread pool; see <see cref="ModelLoader"/>.</param>
    public ModelHost(Func<CancellationToken, Task<LoadedModel>> load)
    {
        Loaded = Task.Run(() => LoadAsync(load));
    }

    /// <summary>Fails with what was wrong with the model.</summary>
    public Task<LoadedModel> Loaded { get; }

    public IReadOnlyList<ServedModel> Models => _models;

    /// <summary>Failed also where the model was loaded and its engine computes nothing any more.</summary>
    public ServingPhase Phase => Failure is null ? _phase : ServingPhase.Failed;

    public string? Failure => Loaded.IsCompletedSuccessfully ? Loaded.Result.Engine.Failure : null;

    /// <summary>From now on no request is taken; what runs goes on.</summary>
    public void BeginDrain() => _phase = ServingPhase.Draining;

    [SuppressMessage("Design", "CA1031", Justification = "A load that failed has nothing to free, and was told to whoever waits for Loaded.")]
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0)
        {
            return;
        }

        await _ending.CancelAsync().ConfigureAwait(false);
        try
        {
            var model = await Loaded.ConfigureAwait(false);
            model.Dispose();
        }
        catch (Exception)
        {
            _phase = ServingPhase.Failed;
        }

        _ending.Dispose();
    }

    private async Task<LoadedModel> LoadAsync(Func<CancellationToken, Task<LoadedModel>> load)
    {
        try
        {
            var model = await load(_ending.Token).ConfigureAwait(false);
            _models = [model.Served];
            if (_phase == ServingPhase.Loading)
            {
                _phase = ServingPhase.Ready;
            }

            return model;
        }
        catch
        {
            _phase = ServingPhase.Failed;
            throw;
        }
    }
}
