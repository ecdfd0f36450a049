using OrleansLLM.Sequences;

namespace OrleansLLM.Cluster;

/// <summary>
/// The journal of one request as its grain sees it: tokens and changes stand in this silo's logs and are not kept twice.
/// Used by one grain, in its turns.
/// </summary>
internal sealed class SequenceJournal(SequenceLogs logs, RequestId request, string gateway)
{
    /// <summary>Counts the attempts at this request.</summary>
    public int Epoch { get; } = 1;

    public SequenceId[] Known => [.. logs.Find(request) ?? []];

    /// <summary>What still runs or waits, as far as the logs know.</summary>
    public SequenceId[] Running => [.. Known.Where(id => logs.Describe(id) is { Phase: not SequencePhase.Ended })];

    public GenerationRequest RequestOf(SequenceId sequence) =>
        logs.RequestOf(sequence) ?? throw new UnknownSequenceException(sequence);

    /// <summary>Notes a change that a worker took from that position on; nothing where it took none.</summary>
    public void Note(ChangeMessage message, int? position)
    {
        if (position is { } from)
        {
            logs.Note(message.Sequence, new JournalChange(from, JournalFormat.ReadChange(message.Change)));
        }
    }

    /// <summary>All that a worker needs to go on with these sequences.</summary>
    public JournalMessage Write(IReadOnlyList<SequenceId> sequences) => JournalMessage.From(new Journal(
        RequestOf(sequences[0]),
        [.. sequences.Select(id => logs.JournalOf(id) ?? JournalSequence.Begin(id))]));

    /// <summary>The next attempt, with what it begins with.</summary>
    public AttemptMessage Attempt(JournalMessage message) => new(message, Epoch, gateway);

    /// <summary>The sequences' time without a reader begins, or they are forgotten if they were refused.</summary>
    public SubmitReply Settle(SubmitReply reply, IReadOnlyList<SequenceId> sequences)
    {
        if (reply.Reason is null)
        {
            logs.Hold(sequences);
        }
        else
        {
            logs.Remove(sequences);
        }

        return reply;
    }

    /// <summary>Ends what still runs and returns it.</summary>
    public SequenceId[] EndRunning(SequenceEnd end) => [.. Running.Where(id => logs.End(id, end))];
}
