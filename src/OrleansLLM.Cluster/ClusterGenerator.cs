using OrleansLLM.Sequences;
using static System.FormattableString;

namespace OrleansLLM.Cluster;

/// <summary>
/// <see cref="IGenerator"/> over the grains, used inside a gateway's silo: control goes to the request's grain, which lives in this silo;
/// reading follows this silo's logs and reaches no grain.
/// </summary>
internal sealed class ClusterGenerator(IGrainFactory grains, SequenceLogs logs) : IGenerator
{
    public async ValueTask<SubmitResult> SubmitAsync(GenerationRequest request, CancellationToken cancellation)
    {
        if (request.Samples is < 1 or > GenerationLimits.MaxSamples)
        {
            return Invalid(Invariant($"A request has 1 to {GenerationLimits.MaxSamples} samples, not {request.Samples}."));
        }

        var grain = GrainOf(request.Id);
        var submission = grain.Submit(JournalMessage.From(Journal.Begin(request)));
        try
        {
            return (await submission.WaitAsync(cancellation).ConfigureAwait(false)).ToResult();
        }
        catch (OperationCanceledException)
        {
            grain.Cancel().Ignore();
            throw;
        }
    }

    public ValueTask<KnownRequest?> FindAsync(RequestId request, CancellationToken cancellation) => new(logs.FindRequest(request));

    public IAsyncEnumerable<TokenRange> ReadAsync(SequenceId sequence, int from, CancellationToken cancellation) =>
        logs.ReadAsync(sequence, from, cancellation);

    public async ValueTask<SubmitResult> ForkAsync(SequenceId sequence, int at, int count, CancellationToken cancellation)
    {
        if (logs.Describe(sequence) is null)
        {
            throw new UnknownSequenceException(sequence);
        }

        return count is >= 1 and <= GenerationLimits.MaxSamples
            ? (await GrainOf(sequence.Request).Fork(sequence, at, count).WaitAsync(cancellation).ConfigureAwait(false)).ToResult()
            : Invalid(Invariant($"A fork makes 1 to {GenerationLimits.MaxSamples} answers, not {count}."));
    }

    public async ValueTask<int?> ChangeAsync(SequenceId sequence, SequenceChange change, CancellationToken cancellation) =>
        logs.Describe(sequence) is { Phase: not SequencePhase.Ended }
            ? await GrainOf(sequence.Request).Change(new ChangeMessage(sequence, JournalFormat.WriteChange(change))).WaitAsync(cancellation).ConfigureAwait(false)
            : null;

    public async ValueTask<bool> FinishAsync(SequenceId sequence, int at, FinishReason reason, CancellationToken cancellation) =>
        logs.Describe(sequence) is not null
        && await GrainOf(sequence.Request).Finish(sequence, at, reason).WaitAsync(cancellation).ConfigureAwait(false);

    public async ValueTask CancelAsync(RequestId request, CancellationToken cancellation)
    {
        if (logs.Find(request) is not null)
        {
            await GrainOf(request).Cancel().WaitAsync(cancellation).ConfigureAwait(false);
        }
    }

    public async ValueTask<SequenceDescription?> DescribeAsync(SequenceId sequence, CancellationToken cancellation) =>
        logs.Describe(sequence) is null
            ? null
            : (await GrainOf(sequence.Request).Describe(sequence).WaitAsync(cancellation).ConfigureAwait(false))?.ToDescription();

    private ISequenceGrain GrainOf(RequestId request) => grains.GetGrain<ISequenceGrain>(request.ToString());

    private static SubmitResult.Refused Invalid(string message) => new(RefusalReason.Invalid, message);
}
