using OrleansLLM.Sequences;

namespace OrleansLLM.Cluster;

/// <summary>
/// Attempts that workers hold for nobody: they are told to end them whenever they show up, and each counts once. Used by the gateway's sink, in its turns.
/// </summary>
internal sealed class Orphans(GatewayContext gateway)
{
    /// <summary>An attempt that shows up again behind so many others counts again.</summary>
    private const int MostKnown = 4096;

    private readonly HashSet<AttemptId> _known = [];
    private readonly Queue<AttemptId> _order = [];

    /// <summary>Not awaited: the worker waits for this step's answer before it sends the next, and frees its blocks when it can.</summary>
    public void End(WorkerId worker, IReadOnlyCollection<AttemptId> attempts)
    {
        foreach (var attempt in attempts.Where(_known.Add))
        {
            gateway.Metrics.OnOrphan(worker, CauseOf(attempt.Sequence));
            _order.Enqueue(attempt);
            if (_order.Count > MostKnown)
            {
                _known.Remove(_order.Dequeue());
            }
        }

        if (attempts.Count > 0)
        {
            gateway.Silo.WorkerOf(worker).Abort([.. attempts.Select(attempt => new AttemptEndMessage(attempt, null, null))], gateway.Silo.AsGateway).Ignore();
        }
    }

    private OrphanCause CauseOf(SequenceId sequence) => gateway.Logs.Describe(sequence) switch
    {
        null => OrphanCause.Unknown,
        { Phase: SequencePhase.Ended } => OrphanCause.Ended,
        _ => OrphanCause.Older,
    };
}
