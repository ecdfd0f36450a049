using System.Globalization;

namespace OrleansLLM.Cluster.Tests.Clustering;

/// <summary>The obvious membership table, in memory: what the others are compared with.</summary>
internal sealed class ModelTable
{
    private readonly Dictionary<SiloAddress, Row> _rows = [];
    private int _version;

    public bool Insert(MembershipEntry entry, int from) => from == _version && !_rows.ContainsKey(entry.SiloAddress) && Write(entry);

    public bool Update(MembershipEntry entry, int written, int from) =>
        from == _version && _rows.TryGetValue(entry.SiloAddress, out var row) && row.Written == written && Write(entry);

    public void SayAlive(SiloAddress silo, DateTime time)
    {
        if (_rows.TryGetValue(silo, out var row))
        {
            row.Alive = time;
        }
    }

    public int Written(SiloAddress silo) => _rows.TryGetValue(silo, out var row) ? row.Written : 0;

    public string Text() => string.Create(CultureInfo.InvariantCulture, $"{_version}\n")
        + string.Join('\n', _rows.Values.Select(row => Describe(row.Entry, row.Alive ?? row.Entry.IAmAliveTime)).Order(StringComparer.Ordinal));

    /// <summary>Everything that a table keeps of a row.</summary>
    public static string Describe(MembershipEntry entry, DateTime alive) => string.Create(
        CultureInfo.InvariantCulture,
        $"{entry.SiloAddress.ToParsableString()} {entry.SiloName} {entry.Status} {entry.HostName} {entry.ProxyPort} {entry.StartTime:O} {alive:O} [{string.Join(',', (entry.SuspectTimes ?? []).Select(vote => string.Create(CultureInfo.InvariantCulture, $"{vote.Item1.ToParsableString()} {vote.Item2:HH:mm:ss.fff}")))}]");

    public static string Describe(MembershipTableData data) => string.Create(CultureInfo.InvariantCulture, $"{data.Version.Version}\n")
        + string.Join('\n', data.Members.Select(row => Describe(row.Item1, row.Item1.IAmAliveTime)).Order(StringComparer.Ordinal));

    private bool Write(MembershipEntry entry)
    {
        _version++;
        _rows[entry.SiloAddress] = new Row { Entry = entry, Written = _version, Alive = _rows.GetValueOrDefault(entry.SiloAddress)?.Alive };
        return true;
    }

    private sealed class Row
    {
        public required MembershipEntry Entry { get; init; }

        public required int Written { get; init; }

        public DateTime? Alive { get; set; }
    }
}
