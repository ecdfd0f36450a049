using System.Diagnostics;
using System.Net;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using Microsoft.Extensions.Time.Testing;

namespace OrleansLLM.Cluster.Tests.Clustering;

public sealed class ObservedMembershipTableTests : IAsyncLifetime
{
    private static readonly DateTime Noon = new(2026, 11, 30, 12, 0, 0, DateTimeKind.Utc);
    private static readonly SiloAddress Self = SiloAddress.New(IPAddress.Loopback, 22222, 1);
    private static readonly SiloAddress Other = SiloAddress.New(IPAddress.Loopback, 11111, 1);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private readonly string _root = Directory.CreateTempSubdirectory("membership-").FullName;
    private readonly FakeTimeProvider _time = new(Noon);
    private readonly FakeLogger<ObservedMembershipTable> _log = new();
    private readonly IMembershipTable _table;
    private readonly ObservedMembershipTable _observed;

    public ObservedMembershipTableTests()
    {
        _table = new FileMembershipTable(_root, "cluster");
        _observed = new ObservedMembershipTable(_table, Self, _time, _log, CancellationToken.None);
    }

    public async ValueTask InitializeAsync()
    {
        await _observed.InitializeMembershipTableAsync(true, Cancellation);
        var entry = new MembershipEntry { SiloAddress = Other, SiloName = "other", HostName = "", Status = SiloStatus.Active, StartTime = Noon, IAmAliveTime = Noon.AddHours(-1), SuspectTimes = [] };
        Assert.True(await _observed.InsertRowAsync(entry, (await _observed.ReadAllAsync(Cancellation)).Version.Next(), Cancellation));
    }

    public ValueTask DisposeAsync()
    {
        _observed.Dispose();
        Directory.Delete(_root, recursive: true);
        return default;
    }

    /// <summary>The other machine's clock is an hour behind: its word stands at the time at which it was seen here.</summary>
    [Fact]
    public async Task A_members_word_stands_at_this_silos_time_and_goes_on_with_its_next_word_only()
    {
        Assert.Equal(Noon, await AliveAsync());
        _time.Advance(TimeSpan.FromSeconds(3));
        Assert.Equal(Noon, await AliveAsync());
        await _table.UpdateIAmAliveAsync(new MembershipEntry { SiloAddress = Other, IAmAliveTime = Noon.AddHours(-1).AddSeconds(3) }, Cancellation);
        Assert.Equal(Noon.AddSeconds(3), await AliveAsync());
    }

    [Fact]
    public async Task Who_writes_anothers_row_leaves_its_word_as_it_was_said()
    {
        var data = await _observed.ReadAllAsync(Cancellation);
        var entry = data.Members[0].Item1;
        entry.Status = SiloStatus.Dead;
        Assert.True(await _observed.UpdateRowAsync(entry, data.Members[0].Item2, data.Version.Next(), Cancellation));
        var written = (await _table.ReadAllAsync(Cancellation)).Members[0].Item1;
        Assert.Equal((SiloStatus.Dead, Noon.AddHours(-1)), (written.Status, written.IAmAliveTime));
    }

    [Fact]
    public async Task A_store_that_is_away_is_waited_for_and_said_once()
    {
        Directory.Move(_root, _root + "-away");
        var reading = _observed.ReadAllAsync(Cancellation);
        var limit = Stopwatch.StartNew();
        while (_time.GetUtcNow() < Noon.AddSeconds(60) || _log.Collector.Count == 0)
        {
            Assert.True(limit.Elapsed < TimeSpan.FromSeconds(30));
            Assert.False(reading.IsCompleted);
            _time.Advance(TimeSpan.FromSeconds(0.5));
            await Task.Yield();
        }

        Directory.Move(_root + "-away", _root);
        while (!reading.IsCompleted)
        {
            Assert.True(limit.Elapsed < TimeSpan.FromSeconds(30));
            _time.Advance(TimeSpan.FromSeconds(0.5));
            await Task.Yield();
        }

        Assert.Single((await reading).Members);
        await _observed.ReadAllAsync(Cancellation);
        Assert.Equal([LogLevel.Warning, LogLevel.Information], _log.Collector.GetSnapshot().Select(record => record.Level));
        Assert.StartsWith("The membership table can't be reached: what runs goes on", _log.Collector.GetSnapshot()[0].Message, StringComparison.Ordinal);
        Assert.StartsWith("The membership table is back after ", _log.Collector.GetSnapshot()[1].Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Where_the_store_was_emptied_living_silos_put_themselves_back_and_nobody_looks_dead_meanwhile()
    {
        await JoinAsync(_observed, Self, "self");
        using var others = new ObservedMembershipTable(_table, Other, _time, _log, CancellationToken.None);
        var entry = (await others.ReadRowAsync(Other, Cancellation)).Members[0];
        Assert.True(await others.UpdateRowAsync(entry.Item1, entry.Item2, (await others.ReadAllAsync(Cancellation)).Version.Next(), Cancellation));
        var before = await _observed.ReadAllAsync(Cancellation);
        await others.ReadAllAsync(Cancellation);

        Directory.Delete(Path.Combine(_root, "cluster"), recursive: true);
        var shown = await _observed.ReadAllAsync(Cancellation);
        Assert.Equal((before.Version.Version, 2), (shown.Version.Version, shown.Members.Count));
        Assert.Single((await _table.ReadAllAsync(Cancellation)).Members);
        await others.ReadAllAsync(Cancellation);
        Assert.Equal(2, (await _table.ReadAllAsync(Cancellation)).Members.Count);

        _time.Advance(EmptiedTable.Grace);
        var after = await _observed.ReadAllAsync(Cancellation);
        Assert.True(after.Version.Version > before.Version.Version);
        Assert.Equal([Other, Self], after.Members.Select(row => row.Item1.SiloAddress).Order());
        Assert.Equal(after.Version.Version, (await others.ReadAllAsync(Cancellation)).Version.Version);
    }

    [Fact]
    public async Task A_silo_that_did_not_come_back_into_an_emptied_table_is_gone_after_the_grace()
    {
        await JoinAsync(_observed, Self, "self");
        await _observed.ReadAllAsync(Cancellation);
        Directory.Delete(Path.Combine(_root, "cluster"), recursive: true);
        Assert.Equal(2, (await _observed.ReadAllAsync(Cancellation)).Members.Count);
        _time.Advance(EmptiedTable.Grace);
        Assert.Equal(Self, Assert.Single((await _observed.ReadAllAsync(Cancellation)).Members).Item1.SiloAddress);
    }

    private static async Task JoinAsync(ObservedMembershipTable table, SiloAddress silo, string name)
    {
        var entry = new MembershipEntry { SiloAddress = silo, SiloName = name, HostName = "", Status = SiloStatus.Active, StartTime = Noon, IAmAliveTime = Noon, SuspectTimes = [] };
        Assert.True(await table.InsertRowAsync(entry, (await table.ReadAllAsync(Cancellation)).Version.Next(), Cancellation));
    }

    private async Task<DateTime> AliveAsync() => (await _observed.ReadAllAsync(Cancellation)).TryGet(Other)!.Item1.IAmAliveTime;
}
