using System.Globalization;

namespace OrleansLLM.Cluster;

/// <summary>The membership of a cluster that has one silo: a row in this process's memory, gone with it.</summary>
internal sealed class MembershipOfOne : IMembershipTable
{
    private readonly Lock _lock = new();
    private MembershipEntry? _entry;
    private TableVersion _version = new(0, "0");

    public Task InitializeMembershipTable(bool tryInitTableVersion) => Task.CompletedTask;

    public Task DeleteMembershipTableEntries(string clusterId) => Task.CompletedTask;

    public Task CleanupDefunctSiloEntries(DateTimeOffset beforeDate) => Task.CompletedTask;

    public Task<MembershipTableData> ReadRow(SiloAddress key) => ReadAll();

    public Task<MembershipTableData> ReadAll()
    {
        lock (_lock)
        {
            return Task.FromResult(_entry is null
                ? new MembershipTableData(_version)
                : new MembershipTableData(Tuple.Create(_entry.Copy(), _version.VersionEtag), _version));
        }
    }

    public Task<bool> InsertRow(MembershipEntry entry, TableVersion tableVersion) => Write(entry, tableVersion);

    public Task<bool> UpdateRow(MembershipEntry entry, string etag, TableVersion tableVersion) => Write(entry, tableVersion);

    public Task UpdateIAmAlive(MembershipEntry entry)
    {
        lock (_lock)
        {
            _entry?.IAmAliveTime = entry.IAmAliveTime;
        }

        return Task.CompletedTask;
    }

    private Task<bool> Write(MembershipEntry entry, TableVersion version)
    {
        lock (_lock)
        {
            if (version.Version != _version.Version + 1)
            {
                return Task.FromResult(false);
            }

            (_entry, _version) = (entry.Copy(), new TableVersion(version.Version, version.Version.ToString(CultureInfo.InvariantCulture)));
            return Task.FromResult(true);
        }
    }
}
