using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace OrleansLLM.Cluster;

/// <summary>
/// A membership table as one silo sees it. Orleans compares members' words that they are alive with this machine's clock: here each stands at the
/// time at which this silo first saw it, so that clocks may be apart. And where the store is away, reading it and saying that this silo is
/// alive wait until it is back, since Orleans would try again ever more seldom, up to a minute apart; it is said once, and once that it is back. Where the
/// store was emptied, see <see cref="EmptiedTable"/>.
/// </summary>
internal sealed partial class ObservedMembershipTable(
    IMembershipTable table, SiloAddress self, TimeProvider time, ILogger<ObservedMembershipTable> logger, CancellationToken stopping) : IMembershipTable, IDisposable
{
    /// <summary>Between two tries, and how long one may hang: together well below <see cref="StaleMemberReaper.Limit"/>.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(0.5);

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private readonly ConcurrentDictionary<SiloAddress, Word> _words = [];
    private readonly EmptiedTable _emptied = new(table, self, time, logger);
    private long _awaySince;

    internal IMembershipTable Table { get; } = table;

    public void Dispose() => _emptied.Dispose();

    public Task InitializeMembershipTableAsync(bool tryInitTableVersion, CancellationToken cancellationToken = default) =>
        Table.InitializeMembershipTableAsync(tryInitTableVersion, cancellationToken);

    public Task DeleteMembershipTableEntriesAsync(string clusterId, CancellationToken cancellationToken = default) =>
        Table.DeleteMembershipTableEntriesAsync(clusterId, cancellationToken);

    public Task CleanupDefunctSiloEntriesAsync(DateTimeOffset beforeDate, CancellationToken cancellationToken = default) =>
        Table.CleanupDefunctSiloEntriesAsync(beforeDate, cancellationToken);

    public async Task<MembershipTableData> ReadRowAsync(SiloAddress key, CancellationToken cancellationToken = default) =>
        See(await InsistAsync(token => Table.ReadRowAsync(key, token), cancellationToken).ConfigureAwait(false));

    public async Task<MembershipTableData> ReadAllAsync(CancellationToken cancellationToken = default)
    {
        var rows = See(await InsistAsync(_emptied.ReadAsync, cancellationToken).ConfigureAwait(false));
        foreach (var gone in _words.Keys.Except(rows.Members.Select(row => row.Item1.SiloAddress)))
        {
            _words.TryRemove(gone, out _);
        }

        return rows;
    }

    public async Task<bool> InsertRowAsync(MembershipEntry entry, TableVersion tableVersion, CancellationToken cancellationToken = default) =>
        NoteIf(await Table.InsertRowAsync(Tell(entry), tableVersion, cancellationToken).ConfigureAwait(false), entry);

    public async Task<bool> UpdateRowAsync(MembershipEntry entry, string etag, TableVersion tableVersion, CancellationToken cancellationToken = default) =>
        NoteIf(await Table.UpdateRowAsync(Tell(entry), etag, tableVersion, cancellationToken).ConfigureAwait(false), entry);

    public Task UpdateIAmAliveAsync(MembershipEntry entry, CancellationToken cancellationToken = default) => InsistAsync(
        async token =>
        {
            await Table.UpdateIAmAliveAsync(entry, token).ConfigureAwait(false);
            return true;
        },
        cancellationToken);

    Task IMembershipTable.InitializeMembershipTable(bool tryInitTableVersion) => InitializeMembershipTableAsync(tryInitTableVersion);

    Task IMembershipTable.DeleteMembershipTableEntries(string clusterId) => DeleteMembershipTableEntriesAsync(clusterId);

    Task IMembershipTable.CleanupDefunctSiloEntries(DateTimeOffset beforeDate) => CleanupDefunctSiloEntriesAsync(beforeDate);

    Task<MembershipTableData> IMembershipTable.ReadRow(SiloAddress key) => ReadRowAsync(key);

    Task<MembershipTableData> IMembershipTable.ReadAll() => ReadAllAsync();

    Task<bool> IMembershipTable.InsertRow(MembershipEntry entry, TableVersion tableVersion) => InsertRowAsync(entry, tableVersion);

    Task<bool> IMembershipTable.UpdateRow(MembershipEntry entry, string etag, TableVersion tableVersion) => UpdateRowAsync(entry, etag, tableVersion);

    Task IMembershipTable.UpdateIAmAlive(MembershipEntry entry) => UpdateIAmAliveAsync(entry);

    private bool NoteIf(bool isWritten, MembershipEntry entry)
    {
        if (isWritten)
        {
            _emptied.Note(entry);
        }

        return isWritten;
    }

    private MembershipTableData See(MembershipTableData rows)
    {
        var now = time.GetUtcNow().UtcDateTime;
        foreach (var (entry, _) in rows.Members)
        {
            var seen = _words.AddOrUpdate(
                entry.SiloAddress,
                _ => new Word(entry.IAmAliveTime, now),
                (_, known) => known.Said == entry.IAmAliveTime ? known : new Word(entry.IAmAliveTime, now));
            entry.IAmAliveTime = seen.Seen;
        }

        return rows;
    }

    /// <summary>What another silo said is written back as it said it.</summary>
    private MembershipEntry Tell(MembershipEntry entry)
    {
        if (!_words.TryGetValue(entry.SiloAddress, out var word) || word.Seen != entry.IAmAliveTime)
        {
            return entry;
        }

        var told = entry.Copy();
        told.IAmAliveTime = word.Said;
        return told;
    }

    private async Task<T> InsistAsync<T>(Func<CancellationToken, Task<T>> call, CancellationToken cancellation)
    {
        while (true)
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            limit.CancelAfter(Patience);
            try
            {
                var result = await call(limit.Token).WaitAsync(limit.Token).ConfigureAwait(false);
                if (Interlocked.Exchange(ref _awaySince, 0) is > 0 and var since)
                {
                    LogBack(time.GetElapsedTime(since).TotalSeconds);
                }

                return result;
            }
            catch (Exception error) when (!cancellation.IsCancellationRequested && !stopping.IsCancellationRequested)
            {
                if (Interlocked.CompareExchange(ref _awaySince, Math.Max(1, time.GetTimestamp()), 0) == 0)
                {
                    LogAway(error is OperationCanceledException ? "It does not answer." : error.Message);
                }
            }

            await Task.Delay(Pause, time, cancellation).ConfigureAwait(false);
        }
    }

    private readonly record struct Word(DateTime Said, DateTime Seen);

    [LoggerMessage(
        LogLevel.Warning, "The membership table can't be reached: what runs goes on, but no silo can join or be declared dead until it is back. {Reason}")]
    private partial void LogAway(string reason);

    [LoggerMessage(LogLevel.Information, "The membership table is back after {Seconds:F1} s")]
    private partial void LogBack(double seconds);
}
