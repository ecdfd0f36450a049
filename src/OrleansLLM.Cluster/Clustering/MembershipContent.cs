namespace OrleansLLM.Cluster;

/// <summary>One version of a membership table, as a file holds it. Immutable as long as nobody writes to an entry.</summary>
/// <param name="Etag">Drawn by whoever wrote it: no two versions have the same, whatever their numbers.</param>
/// <param name="Ancestors">Etags of the versions before, the youngest first: <see cref="KeptAncestors"/> of them, or all.</param>
internal sealed record MembershipContent(int Version, string Etag, IReadOnlyList<string> Ancestors, IReadOnlyList<MembershipContent.Row> Rows)
{
    public const int KeptAncestors = 64;

    /// <param name="Etag">That of the version in which the row was written.</param>
    internal sealed record Row(MembershipEntry Entry, string Etag);

    public static MembershipContent Empty() => new(0, NewEtag(), [], []);

    /// <summary>The next version, with this row in it in the place of one of the same silo.</summary>
    public MembershipContent With(MembershipEntry entry)
    {
        var etag = NewEtag();
        return Next(etag, [.. Rows.Where(row => !row.Entry.SiloAddress.Equals(entry.SiloAddress)), new Row(entry, etag)]);
    }

    /// <summary>The next version, without some rows.</summary>
    public MembershipContent Without(Func<MembershipEntry, bool> isGone) => Next(NewEtag(), [.. Rows.Where(row => !isGone(row.Entry))]);

    public Row? Find(SiloAddress silo) => Rows.FirstOrDefault(row => row.Entry.SiloAddress.Equals(silo));

    /// <summary>Whether that version is this one or came before it; null where it is too long ago to say.</summary>
    public bool? Follows(MembershipContent other)
    {
        var before = Version - other.Version;
        return before < 0 ? false
            : before == 0 ? Etag == other.Etag
            : before <= Ancestors.Count ? Ancestors[before - 1] == other.Etag
            : null;
    }

    private MembershipContent Next(string etag, IReadOnlyList<Row> rows) =>
        new(Version + 1, etag, [.. Ancestors.Prepend(Etag).Take(KeptAncestors)], rows);

    private static string NewEtag() => Guid.NewGuid().ToString("N");
}
