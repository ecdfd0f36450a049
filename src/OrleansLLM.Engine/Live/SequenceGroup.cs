namespace OrleansLLM.Engine;

/// <summary>
/// The answers of one request that have no token yet. The leader computes the prompt; then the followers share its blocks, copy-on-write
/// also in the middle of the last one, and all draw their first token from the same logits.
/// </summary>
internal sealed class SequenceGroup
{
    private SequenceGroup(Sequence leader, IEnumerable<Sequence> followers)
    {
        Leader = leader;
        Followers = [.. followers];
        leader.Group = this;
        foreach (var follower in Followers)
        {
            follower.Group = this;
            follower.State = SequenceState.AwaitingPrompt;
        }
    }

    /// <summary>Groups those of an attempt that have no token yet, if there are several.</summary>
    public static void Form(Sequence[] sequences)
    {
        var fresh = Array.FindAll(sequences, sequence => sequence.ResumedTokens == 0);
        if (fresh.Length > 1)
        {
            _ = new SequenceGroup(fresh[0], fresh[1..]);
        }
    }

    public Sequence Leader { get; private set; }

    /// <summary>In order of their ids.</summary>
    public List<Sequence> Followers { get; }

    /// <summary>Has the arrays of that many followers made, or of all; returns of how many.</summary>
    public int WantRooms(int most)
    {
        var wanted = Math.Min(most, Followers.Count);
        for (var i = 0; i < wanted; i++)
        {
            Followers[i].WantRoom();
        }

        return wanted;
    }

    /// <summary>The leader has gone: the first follower takes its place and is returned, or null where there is none.</summary>
    public Sequence? Succeed()
    {
        if (Followers.Count == 0)
        {
            return null;
        }

        Followers[0].SharePromptLogprobs(Leader);
        Leader = Followers[0];
        Followers.RemoveAt(0);
        Leader.State = SequenceState.Waiting;
        return Leader;
    }
}
