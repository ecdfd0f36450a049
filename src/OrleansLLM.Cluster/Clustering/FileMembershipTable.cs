namespace OrleansLLM.Cluster;

/// <summary>
/// A membership table for the silos of one machine, in a folder of its own for each cluster. A write is one new file; a process that is stopped
/// or killed at any instant blocks no other, see <see cref="MembershipFolder"/>. A silo's word that it is alive is a file beside the versions,
/// and where there is one it stands for the row's time. May be called from any thread.
/// </summary>
/// <param name="root">The folder that <c>--clustering file:</c> names.</param>
/// <param name="cluster">The cluster's id, the name of its folder in there.</param>
internal sealed class FileMembershipTable(string root, string cluster) : IMembershipTable
{
    private readonly MembershipFolder _folder = FolderOf(root, cluster);
    private int _hasRoot;

    public Task InitializeMembershipTable(bool tryInitTableVersion) => Task.Run(() =>
    {
        if (Interlocked.Exchange(ref _hasRoot, 1) == 0)
        {
            Directory.CreateDirectory(root); // later it may only be away
        }

        _folder.Open();
        if (tryInitTableVersion && _folder.ReadNewest() is null)
        {
            Begin();
        }
    });

    public Task<MembershipTableData> ReadAll() => Task.Run(() =>
    {
        var content = Read();
        return new MembershipTableData([.. content.Rows.Select(ToData)], VersionOf(content));
    });

    public Task<MembershipTableData> ReadRow(SiloAddress key) => Task.Run(() =>
    {
        var content = Read();
        return content.Find(key) is { } row ? new MembershipTableData(ToData(row), VersionOf(content)) : new MembershipTableData(VersionOf(content));
    });

    public Task<bool> InsertRow(MembershipEntry entry, TableVersion tableVersion) => Task.Run(() =>
    {
        var content = Read();
        return IsNext(tableVersion, content) && content.Find(entry.SiloAddress) is null && _folder.TryPublish(content.With(entry));
    });

    public Task<bool> UpdateRow(MembershipEntry entry, string etag, TableVersion tableVersion) => Task.Run(() =>
    {
        var content = Read();
        return IsNext(tableVersion, content) && content.Find(entry.SiloAddress)?.Etag == etag && _folder.TryPublish(content.With(entry));
    });

    public Task UpdateIAmAlive(MembershipEntry entry) => Task.Run(() => _folder.WriteAlive(entry.SiloAddress, entry.IAmAliveTime));

    public Task CleanupDefunctSiloEntries(DateTimeOffset beforeDate) => Task.Run(() =>
    {
        MembershipContent content;
        do
        {
            content = Read();
        }
        while (content.Rows.Any(row => IsDefunct(row.Entry)) && !_folder.TryPublish(content.Without(IsDefunct)));

        bool IsDefunct(MembershipEntry entry) =>
            entry.Status == SiloStatus.Dead && AliveTimeOf(entry) < beforeDate.UtcDateTime && entry.StartTime < beforeDate.UtcDateTime;
    });

    public Task DeleteMembershipTableEntries(string clusterId) => Task.Run(() => FolderOf(root, clusterId).Delete());

    private static MembershipFolder FolderOf(string root, string cluster) => new(Path.GetFullPath(Path.Combine(root, cluster)));

    private static bool IsNext(TableVersion version, MembershipContent content) =>
        version.VersionEtag == content.Etag && version.Version == content.Version + 1;

    private static TableVersion VersionOf(MembershipContent content) => new(content.Version, content.Etag);

    /// <summary>A table whose files somebody deleted is an empty one.</summary>
    private MembershipContent Read()
    {
        while (true)
        {
            if (_folder.ReadNewest() is { } newest)
            {
                return newest;
            }

            Begin();
        }
    }

    private void Begin()
    {
        _folder.Open();
        _folder.TryPublish(MembershipContent.Empty());
    }

    private Tuple<MembershipEntry, string> ToData(MembershipContent.Row row)
    {
        row.Entry.IAmAliveTime = AliveTimeOf(row.Entry);
        return Tuple.Create(row.Entry, row.Etag);
    }

    private DateTime AliveTimeOf(MembershipEntry entry) => _folder.ReadAlive(entry.SiloAddress) ?? entry.IAmAliveTime;
}
