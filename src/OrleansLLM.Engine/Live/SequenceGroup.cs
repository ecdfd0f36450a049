namespace OrleansLLM.Engine;

/// <summary>
/// The answers of one request that begin together. The leader computes the prompt; then the followers share its blocks, copy-on-write
/// also in the middle of the last one, and those without a token all draw their first one from the same logits. One that has tokens, from an attempt
/// before this, goes on from the prompt by itself; it never leads one that has none.
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

    /// <summary>Groups those of an attempt, if there are several.</summary>
    public static void Form(Sequence[] sequences)
    {
        if (sequences.Length > 1)
        {
            Sequence[] ordered = [.. sequences.OrderBy(sequence => sequence.ResumedTokens > 0)];
            _ = new SequenceGroup(ordered[0], ordered[1..]);
        }
    }

    public Sequence Leader { get; private set; }

    /// <summary>In order of their ids, those that have tokens behind the others.</summary>
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

    /// <summary>Takes out those that have tokens, with their leader.</summary>
    public void Release(List<(Sequence Leader, Sequence Follower)> resuming)
    {
        var fresh = 0;
        while (fresh < Followers.Count && Followers[fresh].ResumedTokens == 0)
        {
            fresh++;
        }

        for (var i = fresh; i < Followers.Count; i++)
        {
            Followers[i].Group = null;
            resuming.Add((Leader, Followers[i]));
        }

        Followers.RemoveRange(fresh, Followers.Count - fresh);
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
