using OrleansLLM.Sequences;

namespace OrleansLLM.Cluster;

/// <summary>What the silo with a sequence's logs answers to one without, where a client came to the wrong gateway or its own has died.</summary>
internal static class RemoteReading
{
    /// <summary>How long a reader waits here before it comes again.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    /// <summary>One that does not come again for so long has left.</summary>
    private static readonly TimeSpan Hold = TimeSpan.FromSeconds(5);

    public static KnownReply? Find(SequenceLogs logs, RequestId request) => logs.FindRequest(request) is { } known
        ? new KnownReply(JournalMessage.From(new Journal(known.Request, [])), [.. known.Sequences])
        : null;

    public static async Task<RangeReply?> ReadAsync(SequenceLogs logs, SequenceId sequence, int from, TimeProvider time)
    {
        if (logs.Describe(sequence) is null)
        {
            return null;
        }

        using var ending = new CancellationTokenSource(Patience, time);
        var range = await logs.ReadOnceAsync(sequence, from, Hold, ending.Token);
        return RangeReply.From(sequence, range ?? new TokenRange(from, default, default, null));
    }
}
