namespace OrleansLLM.Cluster;

/// <summary>
/// Tells living members from those that a crash left behind, without comparing clocks: who has not said anew that it is alive during one whole
/// limit of the observer's own time is stale. Time in which the observer did not look (it stood still, or the table was away) counts for
/// nothing. Not thread-safe.
/// </summary>
/// <param name="limit">Several times what members leave between two words.</param>
/// <param name="longestGap">What counts between two looks at most.</param>
internal sealed class AliveWatch(TimeSpan limit, TimeSpan longestGap)
{
    private readonly Dictionary<SiloAddress, Member> _members = [];

    /// <summary>Every member is known to be alive or stale.</summary>
    public bool IsDecided => _members.Values.All(member => member.IsAlive || member.Unchanged >= limit);

    public IReadOnlyList<SiloAddress> Alive => [.. _members.Where(pair => pair.Value.IsAlive).Select(pair => pair.Key)];

    public IReadOnlyList<SiloAddress> Stale => [.. _members.Where(pair => !pair.Value.IsAlive && pair.Value.Unchanged >= limit).Select(pair => pair.Key)];

    /// <summary>One look at the table.</summary>
    /// <param name="words">The active members, and when each last said that it is alive, by whatever clock.</param>
    /// <param name="sinceLast">The time since the look before, by the observer's monotonic clock; the first look has none.</param>
    public void Look(IReadOnlyCollection<(SiloAddress Silo, DateTime Word)> words, TimeSpan sinceLast)
    {
        foreach (var gone in _members.Keys.Except(words.Select(word => word.Silo)).ToList())
        {
            _members.Remove(gone);
        }

        var counted = sinceLast < longestGap ? sinceLast : longestGap;
        foreach (var (silo, word) in words)
        {
            _members[silo] = !_members.TryGetValue(silo, out var known) ? new Member(word, TimeSpan.Zero, IsAlive: false)
                : known.Word != word ? new Member(word, TimeSpan.Zero, IsAlive: true)
                : known with { Unchanged = known.Unchanged + counted };
        }
    }

    private readonly record struct Member(DateTime Word, TimeSpan Unchanged, bool IsAlive);
}
