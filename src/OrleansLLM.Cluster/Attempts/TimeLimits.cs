namespace OrleansLLM.Cluster;

/// <summary>How much of their time the sequences of a request have left: it goes on when they change workers. Used by one grain, in its turns.</summary>
internal sealed class TimeLimits(TimeProvider time)
{
    private readonly Dictionary<SequenceId, long> _began = [];

    /// <summary>How a sequence ends whose time is over while nobody computes it.</summary>
    public static SequenceEnd Over { get; } = new(FinishReason.TimedOut, Message: "The request's time limit passed while it waited for a worker.");

    /// <param name="ago">How long it has been accepted already.</param>
    public void Begin(IEnumerable<SequenceId> sequences, TimeSpan ago = default)
    {
        foreach (var sequence in sequences)
        {
            _began[sequence] = time.GetTimestamp() - (long)(ago.TotalSeconds * time.TimestampFrequency);
        }
    }

    public bool IsOver(SequenceId sequence, GenerationRequest request) => Left(sequence, request.Timeout) <= TimeSpan.Zero;

    /// <summary>The request as it is to be submitted now. Who has tokens does not queue for the first any more.</summary>
    public GenerationRequest Rest(SequenceId sequence, GenerationRequest request, bool hasTokens) => request with
    {
        Timeout = Left(sequence, request.Timeout),
        QueueTimeout = hasTokens ? null : Left(sequence, request.QueueTimeout),
    };

    private TimeSpan? Left(SequenceId sequence, TimeSpan? limit) =>
        limit is { } span && _began.TryGetValue(sequence, out var began) ? Max(span - time.GetElapsedTime(began), TimeSpan.Zero) : limit;

    private static TimeSpan Max(TimeSpan left, TimeSpan right) => left > right ? left : right;
}
