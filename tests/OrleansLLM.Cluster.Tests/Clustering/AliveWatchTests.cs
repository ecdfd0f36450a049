using System.Net;

namespace OrleansLLM.Cluster.Tests.Clustering;

public sealed class AliveWatchTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(4);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);
    private static readonly DateTime Noon = new(2026, 11, 30, 12, 0, 0, DateTimeKind.Utc);

    private readonly AliveWatch _watch = new(Limit, longestGap: 2 * Pause);

    [Fact]
    public void Without_members_everything_is_decided()
    {
        _watch.Look([], TimeSpan.Zero);
        Assert.True(_watch.IsDecided);
        Assert.Empty(_watch.Stale);
    }

    [Fact]
    public void Who_says_nothing_anew_for_the_limit_is_stale_and_not_before()
    {
        _watch.Look([(Silo(1), Noon)], TimeSpan.Zero);
        for (var look = 1; look < Limit / Pause; look++)
        {
            _watch.Look([(Silo(1), Noon)], Pause);
            Assert.False(_watch.IsDecided);
            Assert.Empty(_watch.Stale);
        }

        _watch.Look([(Silo(1), Noon)], Pause);
        Assert.True(_watch.IsDecided);
        Assert.Equal([Silo(1)], _watch.Stale);
    }

    /// <summary>Its clock may be a minute behind or ahead, or jump back: it says something else than before.</summary>
    [Theory]
    [InlineData(-60)]
    [InlineData(60)]
    [InlineData(-1)]
    public void Who_says_anything_anew_is_alive_whatever_its_clock_says(int seconds)
    {
        _watch.Look([(Silo(1), Noon.AddSeconds(seconds))], TimeSpan.Zero);
        _watch.Look([(Silo(1), Noon.AddSeconds(seconds - 1))], Pause);
        Assert.True(_watch.IsDecided);
        Assert.Equal([Silo(1)], _watch.Alive);
        Assert.Empty(_watch.Stale);
    }

    /// <summary>All processes may have stood still, or the store: nobody said anything that could be seen.</summary>
    [Fact]
    public void Time_in_which_nobody_looked_makes_nobody_stale()
    {
        _watch.Look([(Silo(1), Noon)], TimeSpan.Zero);
        _watch.Look([(Silo(1), Noon)], TimeSpan.FromMinutes(10));
        Assert.False(_watch.IsDecided);
        _watch.Look([(Silo(1), Noon.AddSeconds(1))], TimeSpan.FromMinutes(10));
        Assert.Empty(_watch.Stale);
        Assert.Equal([Silo(1)], _watch.Alive);
    }

    [Fact]
    public void Who_left_the_table_is_forgotten_and_who_came_is_looked_at_for_a_whole_limit()
    {
        _watch.Look([(Silo(1), Noon)], TimeSpan.Zero);
        Pass(Limit / 2, [(Silo(1), Noon)]);
        Pass(Limit / 2, [(Silo(2), Noon)]);
        Assert.False(_watch.IsDecided);
        Pass(Limit, [(Silo(2), Noon)]);
        Assert.Equal([Silo(2)], _watch.Stale);
    }

    private void Pass(TimeSpan time, IReadOnlyCollection<(SiloAddress Silo, DateTime Word)> words)
    {
        for (var passed = TimeSpan.Zero; passed < time; passed += Pause)
        {
            _watch.Look(words, Pause);
        }
    }

    private static SiloAddress Silo(int number) => SiloAddress.New(IPAddress.Loopback, number, 1);
}
