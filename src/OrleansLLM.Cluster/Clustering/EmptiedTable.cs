using Microsoft.Extensions.Logging;

namespace OrleansLLM.Cluster;

/// <summary>
/// Where somebody empties the store while silos live, each puts its own row back and raises the version above the last that it saw. Promises: for
/// <see cref="Grace"/>, in which all of them do so, Orleans is shown the table as it was, so that nobody is taken for dead; who has not come back by then is gone.
/// </summary>
internal sealed partial class EmptiedTable(IMembershipTable table, SiloAddress self, TimeProvider time, ILogger logger) : IDisposable
{
    /// <summary>Several times as long as two reads of a silo are apart.</summary>
    public static readonly TimeSpan Grace = TimeSpan.FromSeconds(6);

    private readonly SemaphoreSlim _turn = new(1);
    private MembershipEntry? _own;
    private MembershipTableData? _last;
    private long? _emptied;

    public void Dispose() => _turn.Dispose();

    /// <summary>This silo has written that.</summary>
    public void Note(MembershipEntry entry)
    {
        if (entry.SiloAddress.Equals(self))
        {
            _own = entry.Copy();
        }
    }

    /// <summary>What this silo is to see.</summary>
    public async Task<MembershipTableData> ReadAsync(CancellationToken cancellation)
    {
        var read = await ReadStoreAsync(cancellation).ConfigureAwait(false);
        await _turn.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            // Nothing but an emptied store takes an active silo's row away, or goes back to an earlier version.
            var isEmptied = _emptied is not null || read.TryGet(self) is null || read.Version.Version < _last?.Version.Version;
            if (isEmptied && _own is { Status: SiloStatus.Active } own && _last is { } last)
            {
                read = await RepairAsync(own, last, cancellation).ConfigureAwait(false);
            }

            _last = read;
            return Copy(read);
        }
        finally
        {
            _turn.Release();
        }
    }

    private async Task<MembershipTableData> ReadStoreAsync(CancellationToken cancellation)
    {
        try
        {
            return await table.ReadAllAsync(cancellation).ConfigureAwait(false);
        }
        catch (Exception) when (_own is { Status: SiloStatus.Active } && !cancellation.IsCancellationRequested)
        {
            // Some stores can't read a table of which nothing is left; one that is away can't begin it either.
            await table.InitializeMembershipTableAsync(true, cancellation).ConfigureAwait(false);
            return await table.ReadAllAsync(cancellation).ConfigureAwait(false);
        }
    }

    private async Task<MembershipTableData> RepairAsync(MembershipEntry own, MembershipTableData last, CancellationToken cancellation)
    {
        if (_emptied is null)
        {
            LogEmptied();
            await table.InitializeMembershipTableAsync(true, cancellation).ConfigureAwait(false);
        }

        _emptied ??= time.GetTimestamp();
        var read = await PutBackAsync(own, last.Version.Version, cancellation).ConfigureAwait(false);
        if (time.GetElapsedTime(_emptied.Value) < Grace)
        {
            return last;
        }

        _emptied = null;
        return read;
    }

    private async Task<MembershipTableData> PutBackAsync(MembershipEntry own, int version, CancellationToken cancellation)
    {
        while (true)
        {
            var read = await ReadStoreAsync(cancellation).ConfigureAwait(false);
            var row = read.TryGet(self);
            if (row is not null && (read.Version.Version > version || row.Item1.Status == SiloStatus.Dead))
            {
                return read;
            }

            var entry = own.Copy();
            entry.IAmAliveTime = time.GetUtcNow().UtcDateTime;
            _ = row is null
                ? await table.InsertRowAsync(entry, read.Version.Next(), cancellation).ConfigureAwait(false)
                : await table.UpdateRowAsync(entry, row.Item2, read.Version.Next(), cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>Whoever reads goes on writing to its own.</summary>
    private static MembershipTableData Copy(MembershipTableData data) =>
        new([.. data.Members.Select(row => Tuple.Create(row.Item1.Copy(), row.Item2))], data.Version);

    [LoggerMessage(LogLevel.Warning, "The membership table was emptied: this silo puts its row back, as the others do")]
    private partial void LogEmptied();
}
