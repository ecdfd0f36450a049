using OrleansLLM.Sequences;
using static System.FormattableString;

namespace OrleansLLM.Cluster;

/// <summary>
/// <see cref="IGenerator"/> over the grains, used inside a gateway's silo: control goes to the request's grain, which lives where its logs are; reading
/// follows this silo's logs and reaches no grain, unless another gateway has them: the client came elsewhere before, or this silo computes the request itself.
/// </summary>
internal sealed class ClusterGenerator(SiloContext silo, SequenceLogs logs, Routes routes, RemoteSequences others) : IGenerator
{
    public async ValueTask<SubmitResult> SubmitAsync(GenerationRequest request, CancellationToken cancellation)
    {
        if (request.Samples is < 1 or > GenerationLimits.MaxSamples)
        {
            return Invalid(Invariant($"A request has 1 to {GenerationLimits.MaxSamples} samples, not {request.Samples}."));
        }

        if (!silo.IsAlone)
        {
            await silo.Pulse.WaitAsync(cancellation).ConfigureAwait(false);
        }

        var grain = silo.SequenceOf(request.Id);
        try
        {
            var place = await routes.PlaceAsync(request).ConfigureAwait(false);
            var journal = JournalMessage.From(Journal.Begin(request));
            var submission = place.Gateway is null ? grain.Submit(journal, place.Route) : others.SubmitAsync(request.Id, journal, place, cancellation);
            return (await submission.WaitAsync(cancellation).ConfigureAwait(false)).ToResult();
        }
        catch (OperationCanceledException)
        {
            grain.Cancel().Ignore();
            throw;
        }
    }

    public ValueTask<KnownRequest?> FindAsync(RequestId request, CancellationToken cancellation) =>
        logs.FindRequest(request) is var known && (known is not null || silo.IsAlone) ? new(known) : new(others.FindAsync(request, cancellation));

    public IAsyncEnumerable<TokenRange> ReadAsync(SequenceId sequence, int from, CancellationToken cancellation) =>
        silo.IsAlone || logs.Describe(sequence) is not null ? logs.ReadAsync(sequence, from, cancellation) : others.ReadAsync(sequence, from, cancellation);

    public async ValueTask<SubmitResult> ForkAsync(SequenceId sequence, int at, int count, CancellationToken cancellation)
    {
        if (count is < 1 or > GenerationLimits.MaxSamples)
        {
            return Invalid(Invariant($"A fork makes 1 to {GenerationLimits.MaxSamples} answers, not {count}."));
        }

        var reply = IsUnknown(sequence) ? null : await silo.SequenceOf(sequence.Request).Fork(sequence, at, count).WaitAsync(cancellation).ConfigureAwait(false);
        return reply is null or { Reason: RefusalReason.UnknownSequence } ? throw new UnknownSequenceException(sequence) : reply.ToResult();
    }

    public async ValueTask<int?> ChangeAsync(SequenceId sequence, SequenceChange change, CancellationToken cancellation) =>
        !IsUnknown(sequence) && logs.Describe(sequence) is not { Phase: SequencePhase.Ended }
            ? await silo.SequenceOf(sequence.Request).Change(new ChangeMessage(sequence, JournalFormat.WriteChange(change))).WaitAsync(cancellation).ConfigureAwait(false)
            : null;

    public async ValueTask<bool> FinishAsync(SequenceId sequence, int at, FinishReason reason, CancellationToken cancellation) =>
        !IsUnknown(sequence)
        && await silo.SequenceOf(sequence.Request).Finish(sequence, at, reason).WaitAsync(cancellation).ConfigureAwait(false);

    public async ValueTask CancelAsync(RequestId request, CancellationToken cancellation)
    {
        if (!silo.IsAlone || logs.Find(request) is not null)
        {
            await silo.SequenceOf(request).Cancel().WaitAsync(cancellation).ConfigureAwait(false);
        }
    }

    public async ValueTask<SequenceDescription?> DescribeAsync(SequenceId sequence, CancellationToken cancellation) =>
        IsUnknown(sequence)
            ? null
            : (await silo.SequenceOf(sequence.Request).Describe(sequence).WaitAsync(cancellation).ConfigureAwait(false))?.ToDescription();

    /// <summary>Known neither here nor, in a cluster of one, anywhere.</summary>
    private bool IsUnknown(SequenceId sequence) => silo.IsAlone && logs.Describe(sequence) is null;

    private static SubmitResult.Refused Invalid(string message) => new(RefusalReason.Invalid, message);
}
