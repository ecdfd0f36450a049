namespace OrleansLLM.Engine;

/// <summary>
/// The answers of one request that have no token yet. The leader computes the prompt; then the followers share its blocks, copy-on-write
/// also in the middle of the last one, and all draw their first token from the same logits.
/// </summary>
internal sealed class SequenceGroup
{
    public SequenceGroup(Sequence leader, IEnumerable<Sequence> followers)
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

    public Sequence Leader { get; private set; }

    /// <summary>In order of their ids.</summary>
    public List<Sequence> Followers { get; }

    /// <summary>The leader has gone: the first follower takes its place and is returned, or null where there is none.</summary>
    public Sequence? Succeed()
    {
        if (Followers.Count == 0)
        {
            return null;
        }

        Leader = Followers[0];
        Followers.RemoveAt(0);
        Leader.State = SequenceState.Waiting;
        return Leader;
    }
}
