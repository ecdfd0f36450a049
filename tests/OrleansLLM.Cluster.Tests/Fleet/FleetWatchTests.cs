using System.Net;
using Microsoft.Extensions.Time.Testing;

namespace OrleansLLM.Cluster.Tests;

public sealed class FleetWatchTests
{
    private static readonly SiloAddress Silo = SiloAddress.New(IPAddress.Loopback, 11111, 7);

    private readonly FakeTimeProvider _time = new();
    private readonly FleetWatch _watch;
    private long _number;
    private long _progress;

    public FleetWatchTests() => _watch = new FleetWatch(_time);

    [Fact]
    public void A_worker_that_speaks_and_gets_on_is_never_lost()
    {
        for (var second = 0; second < 100; second++)
        {
            Hear("a");
            _time.Advance(TimeSpan.FromSeconds(1));
            _watch.Judge();
            Assert.Single(_watch.Choosable);
        }

        Assert.Empty(_watch.TakeLosses());
    }

    [Fact]
    public void Who_is_silent_for_more_than_a_second_gets_no_new_work_and_keeps_what_it_has()
    {
        Hear("a");
        _time.Advance(TimeSpan.FromSeconds(1) + TimeSpan.FromTicks(1));
        _watch.Judge();

        Assert.Empty(_watch.Choosable);
        Assert.Empty(_watch.TakeLosses());
        Assert.False(_watch.IsLost(1));
        Hear("a");
        Assert.Single(_watch.Choosable);
    }

    [Fact]
    public void Who_is_silent_for_three_seconds_has_lost_its_sequences_and_is_told_of_once()
    {
        Hear("a");
        _time.Advance(TimeSpan.FromSeconds(3) - TimeSpan.FromTicks(1));
        _watch.Judge();
        Assert.Empty(_watch.TakeLosses());
        _time.Advance(TimeSpan.FromTicks(1));
        _watch.Judge();
        _watch.Judge();

        Assert.Equal([new LostWorker(new WorkerId("a", 0), 1, LossCause.Hung, "has not been heard of for 3 s")], _watch.TakeLosses());
        Assert.True(_watch.IsLost(1));
        Assert.Empty(_watch.TakeLosses());
    }

    [Fact]
    public void Who_speaks_and_does_not_get_on_for_three_seconds_has_lost_its_sequences()
    {
        Hear("a");
        for (var step = 0; step < 12; step++)
        {
            Assert.Empty(_watch.TakeLosses());
            _time.Advance(TimeSpan.FromMilliseconds(250));
            _watch.Hear(Report("a") with { Progress = _progress });
        }

        Assert.Equal([new LostWorker(new WorkerId("a", 0), 1, LossCause.Hung, "has made no progress for 3 s")], _watch.TakeLosses());
    }

    [Fact]
    public void Who_was_only_stopped_is_believed_again_and_lost_again()
    {
        for (var round = 0; round < 3; round++)
        {
            Hear("a");
            Assert.Single(_watch.Choosable);
            Assert.False(_watch.IsLost(1));
            _time.Advance(TimeSpan.FromSeconds(3));
            _watch.Judge();
            Assert.Equal(LossCause.Hung, Assert.Single(_watch.TakeLosses()).Cause);
        }
    }

    [Fact]
    public void A_younger_incarnation_is_the_end_of_the_older_one_whose_late_word_counts_for_nothing()
    {
        Hear("a");
        Hear("a", incarnation: 2);
        Hear("a", incarnation: 1);

        Assert.Equal([new LostWorker(new WorkerId("a", 0), 1, LossCause.Died, "was started anew")], _watch.TakeLosses());
        Assert.Equal(2, Assert.Single(_watch.Reports).Incarnation);
        Assert.True(_watch.IsLost(1));
        Assert.False(_watch.IsLost(2));
    }

    [Fact]
    public void A_report_that_was_overtaken_changes_nothing()
    {
        var late = Report("a");
        Hear("a", WorkerPhase.Draining);
        _watch.TakeLosses();
        _watch.Hear(late);

        Assert.Empty(_watch.Choosable);
    }

    [Theory]
    [InlineData(WorkerPhase.Draining, LossCause.Drains, "is stopping")]
    [InlineData(WorkerPhase.Failed, LossCause.Failed, "It broke.")]
    public void A_worker_that_says_it_drains_or_failed_is_lost_at_once(WorkerPhase phase, LossCause cause, string why)
    {
        Hear("a");
        Hear("a", phase);
        Hear("a", phase);

        Assert.Equal([new LostWorker(new WorkerId("a", 0), 1, cause, why)], _watch.TakeLosses());
        Assert.Empty(_watch.Choosable);
    }

    [Fact]
    public void A_worker_that_drains_and_then_hangs_is_lost_for_the_second_time()
    {
        Hear("a", WorkerPhase.Draining);
        _time.Advance(TimeSpan.FromSeconds(3));
        _watch.Judge();

        Assert.Equal([LossCause.Drains, LossCause.Hung], _watch.TakeLosses().Select(lost => lost.Cause));
    }

    [Fact]
    public void Workers_of_a_silo_that_the_table_calls_dead_are_lost_and_no_others()
    {
        Hear("a");
        _watch.Hear(Report("b") with { Silo = SiloAddress.New(IPAddress.Loopback, 11111, 8).ToParsableString(), Incarnation = 9 });
        _watch.Bury(Silo);

        Assert.Equal([new LostWorker(new WorkerId("a", 0), 1, LossCause.Died, "has left the cluster")], _watch.TakeLosses());
        Assert.Equal("b", Assert.Single(_watch.Reports).Worker.Silo);
    }

    [Fact]
    public void A_late_word_of_a_silo_that_the_table_calls_dead_brings_it_back_to_nobody()
    {
        _watch.Bury(Silo);
        Hear("a");
        Assert.Empty(_watch.Choosable);
        Assert.Empty(_watch.Reports);
    }

    [Fact]
    public void A_silo_that_was_stopped_itself_judges_nobody_by_what_it_missed()
    {
        Hear("a");
        _time.Advance(TimeSpan.FromMinutes(1));
        _watch.Pardon();
        _watch.Judge();
        Assert.Empty(_watch.TakeLosses());
        _time.Advance(TimeSpan.FromSeconds(3));
        _watch.Judge();
        Assert.Single(_watch.TakeLosses());
    }

    [Fact]
    public void Who_was_silent_for_a_minute_is_forgotten()
    {
        Hear("a");
        _time.Advance(TimeSpan.FromSeconds(60));
        _watch.Judge();
        Assert.Single(_watch.Reports);
        _time.Advance(TimeSpan.FromTicks(1));
        _watch.Judge();
        Assert.Empty(_watch.Reports);
    }

    [Fact]
    public void Whoever_waits_for_a_worker_learns_of_one_that_can_be_chosen()
    {
        var change = _watch.NextChange;
        Hear("a", WorkerPhase.Draining);
        Assert.False(change.IsCompleted);
        Hear("b", incarnation: 2);
        Assert.True(change.IsCompleted);
        change = _watch.NextChange;
        Hear("b", incarnation: 2);
        Assert.False(change.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(2));
        Hear("b", incarnation: 2);
        Assert.True(change.IsCompleted);
    }

    private void Hear(string silo, WorkerPhase phase = WorkerPhase.Ready, long incarnation = 1) =>
        _watch.Hear(Report(silo) with { Phase = phase, Failure = phase == WorkerPhase.Failed ? "It broke." : null, Incarnation = incarnation, Progress = ++_progress });

    private WorkerReport Report(string silo) => new(
        new WorkerId(silo, 0), 1, new ServedModelMessage("model", 1024, 100, "fingerprint", "none", 1024), WorkerPhase.Ready,
        new LoadMessage(1, 0, 0, 100, 0, 0, 1), Progress: _progress, Number: ++_number, Silo: Silo.ToParsableString());
}
