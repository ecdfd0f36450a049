using Microsoft.Extensions.Time.Testing;
using OrleansLLM.Sequences;

namespace OrleansLLM.Cluster.Tests;

public sealed class AssignmentsTests
{
    private static readonly AttemptId First = new(new SequenceId(new RequestId(0, 1), 0), new Epoch(5));
    private static readonly AttemptId Second = new(new SequenceId(new RequestId(0, 2), 0), new Epoch(5));

    private readonly FakeTimeProvider _time = new();
    private readonly Assignments _assignments;

    public AssignmentsTests() => _assignments = new Assignments(_time);

    [Fact]
    public void What_a_worker_holds_for_nobody_is_an_orphan()
    {
        Assign(First);
        Assign(Second);
        _assignments.Remove(Second.Sequence);
        var older = First with { Epoch = new Epoch(4) };

        Assert.Equal(new[] { older, Second }.ToHashSet(), _assignments.Compare(Report(running: [First, older], waiting: [Second])).Orphans.ToHashSet());
        Assert.Equal([First], _assignments.Compare(Report(incarnation: 8, running: [First])).Orphans);
    }

    [Fact]
    public void What_was_accepted_and_is_not_named_for_a_second_is_forgotten()
    {
        Assign(First);
        _time.Advance(TimeSpan.FromSeconds(10));
        Assert.Empty(_assignments.Compare(Report()).Forgotten);
        _assignments.Accept(First);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Empty(_assignments.Compare(Report()).Forgotten);
        _time.Advance(TimeSpan.FromSeconds(1) - TimeSpan.FromTicks(1));
        Assert.Empty(_assignments.Compare(Report()).Forgotten);
        _time.Advance(TimeSpan.FromTicks(1));
        Assert.Equal([First], _assignments.Compare(Report()).Forgotten);
    }

    [Fact]
    public void A_report_that_names_it_again_begins_anew()
    {
        Assign(First);
        _assignments.Accept(First);
        _time.Advance(TimeSpan.FromSeconds(1));
        _assignments.Compare(Report());
        _assignments.Compare(Report(waiting: [First]));
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Empty(_assignments.Compare(Report()).Forgotten);
        Assert.Empty(_assignments.Compare(Report(incarnation: 8)).Forgotten);
    }

    [Fact]
    public void An_older_attempt_is_not_accepted_in_the_place_of_the_newer()
    {
        Assign(First);
        _assignments.Accept(First with { Epoch = new Epoch(4) });
        _time.Advance(TimeSpan.FromSeconds(1));
        _assignments.Compare(Report());
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Empty(_assignments.Compare(Report()).Forgotten);
    }

    [Fact]
    public void Who_waits_is_known_from_reports_of_a_second()
    {
        Assign(First);
        Assert.False(_assignments.IsKnownToWait(First.Sequence));
        _assignments.Compare(Report(waiting: [First]));
        _time.Advance(TimeSpan.FromMilliseconds(999));
        Assert.False(_assignments.IsKnownToWait(First.Sequence));
        _assignments.Compare(Report(waiting: [First]));
        _time.Advance(TimeSpan.FromSeconds(9));
        Assert.False(_assignments.IsKnownToWait(First.Sequence));
        _assignments.Compare(Report(waiting: [First]));
        Assert.True(_assignments.IsKnownToWait(First.Sequence));
        _assignments.Compare(Report(running: [First]));
        Assert.False(_assignments.IsKnownToWait(First.Sequence));
    }

    [Fact]
    public void A_copy_counts_in_another_silo_until_its_worker_dies()
    {
        Assign(First);
        Assign(Second, incarnation: 8);
        _assignments.Accept(First);
        Assert.Equal(new CountReply(2, 0), _assignments.Count("gateway", _ => false));
        _assignments.Compare(Report(running: [First]));
        Assert.Equal(new CountReply(2, 1), _assignments.Count("gateway", incarnation => incarnation == 8));
        Assert.Equal(new CountReply(2, 0), _assignments.Count("gateway", incarnation => incarnation == 7));
        Assert.Equal(new CountReply(2, 0), _assignments.Count("silo", _ => false));
    }

    [Fact]
    public void The_requests_of_an_incarnation_are_those_with_a_sequence_there()
    {
        Assign(First);
        Assign(First with { Sequence = new SequenceId(First.Sequence.Request, 1) });
        Assign(Second, incarnation: 8);

        Assert.Equal([First.Sequence.Request], _assignments.RequestsOn(7));
        Assert.Equal([Second.Sequence.Request], _assignments.RequestsOn(8));
        _assignments.Remove(Second.Sequence);
        Assert.Empty(_assignments.RequestsOn(8));
        Assert.Null(_assignments.Find(Second.Sequence));
        Assert.Equal(First, _assignments.Find(First.Sequence)!.Attempt);
    }

    private void Assign(AttemptId attempt, long incarnation = 7) =>
        _assignments.Assign(new Assignment(attempt, new WorkerId("silo", 0), incarnation, "fingerprint"));

    private static ReportMessage Report(long incarnation = 7, AttemptId[]? running = null, AttemptId[]? waiting = null) => new(
        new WorkerReport(
            new WorkerId("silo", 0), incarnation, new ServedModelMessage("model", 1024, 100, "fingerprint", "none", 1024), WorkerPhase.Ready,
            new LoadMessage(0, 0, 0, 100, 0, 0, 1), Progress: 1, Number: 1),
        running ?? [],
        waiting ?? []);
}
