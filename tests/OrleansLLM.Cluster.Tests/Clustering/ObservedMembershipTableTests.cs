using System.Diagnostics;
using System.Net;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using Microsoft.Extensions.Time.Testing;

namespace OrleansLLM.Cluster.Tests.Clustering;

public sealed class ObservedMembershipTableTests : IAsyncLifetime
{
    private static readonly DateTime Noon = new(2026, 11, 30, 12, 0, 0, DateTimeKind.Utc);
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
        _observed = new ObservedMembershipTable(_table, _time, _log, CancellationToken.None);
    }

    public async ValueTask InitializeAsync()
    {
        await _observed.InitializeMembershipTableAsync(true, Cancellation);
        var entry = new MembershipEntry { SiloAddress = Other, SiloName = "other", HostName = "", Status = SiloStatus.Active, StartTime = Noon, IAmAliveTime = Noon.AddHours(-1), SuspectTimes = [] };
        Assert.True(await _observed.InsertRowAsync(entry, (await _observed.ReadAllAsync(Cancellation)).Version.Next(), Cancellation));
    }

    public ValueTask DisposeAsync()
    {
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
        var folder = Path.Combine(_root, "cluster");
        Directory.Move(folder, folder + "-away");
        var reading = _observed.ReadAllAsync(Cancellation);
        var limit = Stopwatch.StartNew();
        while (_time.GetUtcNow() < Noon.AddSeconds(60) || _log.Collector.Count == 0)
        {
            Assert.True(limit.Elapsed < TimeSpan.FromSeconds(30));
            Assert.False(reading.IsCompleted);
            _time.Advance(TimeSpan.FromSeconds(0.5));
            await Task.Yield();
        }

        Directory.Move(folder + "-away", folder);
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

    private async Task<DateTime> AliveAsync() => (await _observed.ReadAllAsync(Cancellation)).Members[0].Item1.IAmAliveTime;
}
