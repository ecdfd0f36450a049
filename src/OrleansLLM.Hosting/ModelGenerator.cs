using System.Runtime.CompilerServices;
using OrleansLLM.Engine;

namespace OrleansLLM.Hosting;

/// <summary>The door to the bare engine of a <see cref="ModelHost"/>; a call made while the model loads waits for it.</summary>
public sealed class ModelGenerator(ModelHost host, TimeProvider time) : IGenerator, IDisposable
{
    private readonly Lock _gate = new();
    private EngineGenerator? _generator;

    public async ValueTask<SubmitResult> SubmitAsync(GenerationRequest request, CancellationToken cancellation) =>
        await (await GetAsync(cancellation).ConfigureAwait(false)).SubmitAsync(request, cancellation).ConfigureAwait(false);

    public async ValueTask<KnownRequest?> FindAsync(RequestId request, CancellationToken cancellation) =>
        await (await GetAsync(cancellation).ConfigureAwait(false)).FindAsync(request, cancellation).ConfigureAwait(false);

    public async IAsyncEnumerable<TokenRange> ReadAsync(
        SequenceId sequence, int from, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var generator = await GetAsync(cancellation).ConfigureAwait(false);
        await foreach (var range in generator.ReadAsync(sequence, from, cancellation).ConfigureAwait(false))
        {
            yield return range;
        }
    }

    public async ValueTask<SubmitResult> ForkAsync(SequenceId sequence, int at, int count, CancellationToken cancellation) =>
        await (await GetAsync(cancellation).ConfigureAwait(false)).ForkAsync(sequence, at, count, cancellation).ConfigureAwait(false);

    public async ValueTask<int?> ChangeAsync(SequenceId sequence, SequenceChange change, CancellationToken cancellation) =>
        await (await GetAsync(cancellation).ConfigureAwait(false)).ChangeAsync(sequence, change, cancellation).ConfigureAwait(false);

    public async ValueTask<bool> FinishAsync(SequenceId sequence, int at, FinishReason reason, CancellationToken cancellation) =>
        await (await GetAsync(cancellation).ConfigureAwait(false)).FinishAsync(sequence, at, reason, cancellation).ConfigureAwait(false);

    public async ValueTask CancelAsync(RequestId request, CancellationToken cancellation) =>
        await (await GetAsync(cancellation).ConfigureAwait(false)).CancelAsync(request, cancellation).ConfigureAwait(false);

    public async ValueTask<SequenceDescription?> DescribeAsync(SequenceId sequence, CancellationToken cancellation) =>
        await (await GetAsync(cancellation).ConfigureAwait(false)).DescribeAsync(sequence, cancellation).ConfigureAwait(false);

    public void Dispose() => _generator?.Dispose();

    private ValueTask<EngineGenerator> GetAsync(CancellationToken cancellation) =>
        _generator is { } generator ? new ValueTask<EngineGenerator>(generator) : new ValueTask<EngineGenerator>(WaitAsync(cancellation));

    private async Task<EngineGenerator> WaitAsync(CancellationToken cancellation)
    {
        var model = await host.Loaded.WaitAsync(cancellation).ConfigureAwait(false);
        lock (_gate)
        {
            return _generator ??= new EngineGenerator(model.Engine, time);
        }
    }
}
