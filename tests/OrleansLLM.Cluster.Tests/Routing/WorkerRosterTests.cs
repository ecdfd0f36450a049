using Microsoft.Extensions.Time.Testing;

namespace OrleansLLM.Cluster.Tests;

public sealed class WorkerRosterTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly WorkerRoster _roster;
    private int _reports;

    public WorkerRosterTests() => _roster = new WorkerRoster(_time);

    [Fact]
    public void Without_prefixes_the_least_loaded_worker_is_chosen()
    {
        _roster.Report(Report("a", running: 3));
        _roster.Report(Report("b", running: 1));
        _roster.Report(Report("c", running: 2));

        Assert.Equal("b", Choose(Prompt(1)));
    }

    [Fact]
    public void Requests_sent_since_a_report_count_as_load()
    {
        _roster.Report(Report("a", running: 0));
        _roster.Report(Report("b", running: 0));

        Assert.Equal(["a", "b", "a", "b"], Enumerable.Range(10, 4).Select(seed => Choose(Prompt(seed))));
    }

    [Fact]
    public void A_cached_prefix_outweighs_some_load_but_not_any()
    {
        _roster.Report(Report("a", running: 0));
        _roster.Report(Report("b", running: 2));
        Assert.Equal("a", Choose(Prompt(1)));

        _roster.Report(Report("a", running: 6));
        Assert.Equal("a", Choose(Prompt(1)));

        _roster.Report(Report("a", running: 60));
        Assert.Equal("b", Choose(Prompt(1)));
    }

    [Fact]
    public void A_sequence_weighs_as_much_as_64_tokens_to_be_computed()
    {
        // Both wait for the same 320 tokens; then a has them cached, which is worth five sequences.
        _roster.Report(Report("a", running: 0));
        Assert.Equal("a", Choose(Prompt(1)));
        _roster.Report(Report("b", running: 0));
        _roster.Report(Report("a", running: 4));
        Assert.Equal("a", Choose(Prompt(1)));

        _roster.Report(Report("c", running: 1));
        _roster.Report(Report("a", running: 7));
        Assert.Equal("b", Choose(Prompt(1)));
    }

    [Fact]
    public void Sequences_that_wait_or_were_preempted_count_as_those_that_run()
    {
        _roster.Report(Report("a", running: 1) with { Load = new LoadMessage(0, 2, 0, 100, 0, 0, 1) });
        _roster.Report(Report("b", running: 1));
        Assert.Equal("b", Choose(Prompt(1)));

        _roster.Report(Report("a", running: 1) with { Load = new LoadMessage(0, 0, 2, 100, 0, 0, 1) });
        _roster.Report(Report("b", running: 1));
        Assert.Equal("b", Choose(Prompt(2)));
    }

    [Fact]
    public void A_worker_counts_as_having_no_more_than_its_cache_holds()
    {
        _roster.Report(WithCache("a", tokens: 5 * PrefixChunks.Tokens));
        Assert.Equal("a", Choose(Prompt(1)));
        _roster.Report(WithCache("a", tokens: 5 * PrefixChunks.Tokens) with { Load = new LoadMessage(2, 0, 0, 100, 0, 0, 1) });
        _roster.Report(Report("b", running: 0));
        Assert.Equal("a", Choose(Prompt(1)));
        Assert.Equal("b", Choose(Prompt(1)));
    }

    [Fact]
    public void A_worker_that_started_again_has_no_prefixes()
    {
        _roster.Report(Report("a", running: 0));
        _roster.Report(Report("b", running: 2));
        Assert.Equal("a", Choose(Prompt(1)));

        _roster.Report(Report("a", running: 6, incarnation: 2));
        Assert.Equal("b", Choose(Prompt(1)));
    }

    [Fact]
    public void A_worker_that_is_silent_or_not_ready_is_not_chosen()
    {
        _roster.Report(Report("a", running: 0));
        _time.Advance(TimeSpan.FromSeconds(5));
        Assert.True(_roster.TryChoose(Prompt(1), out _));
        _time.Advance(TimeSpan.FromTicks(1));
        Assert.False(_roster.TryChoose(Prompt(1), out _));

        _roster.Report(Report("a", running: 0, phase: WorkerPhase.Draining));
        Assert.False(_roster.TryChoose(Prompt(1), out _));

        _roster.Report(Report("a", running: 0));
        Assert.True(_roster.TryChoose(Prompt(1), out _));
    }

    [Fact]
    public void A_worker_that_was_silent_for_a_minute_is_forgotten_with_its_prefixes()
    {
        for (var silo = 0; silo < 100; silo++)
        {
            _roster.Report(Report($"old {silo}", running: 0));
        }

        _roster.Report(Report("a", running: 0));
        _roster.Report(Report("b", running: 2));
        Assert.True(_roster.TryChoose(Prompt(1), out _));
        _time.Advance(TimeSpan.FromSeconds(60));
        _roster.Report(Report("b", running: 2));
        Assert.Equal(102, _roster.Count);
        _time.Advance(TimeSpan.FromTicks(1));
        Assert.Equal("b", Choose(Prompt(2)));
        Assert.Equal(1, _roster.Count);
        _roster.Report(Report("a", running: 6));
        Assert.Equal("b", Choose(Prompt(1)));
    }

    [Fact]
    public void A_report_that_was_overtaken_changes_nothing()
    {
        var ready = Report("a", running: 0);
        _roster.Report(Report("a", running: 0, phase: WorkerPhase.Draining));
        _roster.Report(ready);
        Assert.False(_roster.TryChoose(Prompt(1), out _));

        _roster.Report(ready with { Incarnation = 2 });
        Assert.True(_roster.TryChoose(Prompt(1), out _));
    }

    [Fact]
    public void Salted_prompts_and_other_beginnings_share_nothing()
    {
        int[] prompt = [.. Enumerable.Range(0, 100)];
        int[] other = [.. prompt];
        other[0] = 50;

        Assert.Equal(3, PrefixChunks.Count(PrefixChunks.Hash(prompt, "")));
        Assert.NotEqual(PrefixChunks.Hash(prompt, ""), PrefixChunks.Hash(prompt, "salt"));
        var index = new PrefixIndex(capacity: 10);
        index.Add(PrefixChunks.Hash(prompt, ""));
        Assert.Equal(3, index.Match(PrefixChunks.Hash([.. prompt, 1, 2, 3], "")));
        Assert.Equal(2, index.Match(PrefixChunks.Hash(prompt.AsSpan(0, 80), "")));
        Assert.Equal(0, index.Match(PrefixChunks.Hash(other, "")));
    }

    [Fact]
    public void Prompts_share_the_chunks_before_the_one_in_which_they_differ()
    {
        int[] prompt = [.. Enumerable.Range(0, 4 * PrefixChunks.Tokens)];
        int[] other = [.. prompt];
        other[(2 * PrefixChunks.Tokens) + 1] = 7;
        var index = new PrefixIndex(capacity: 10);
        index.Add(PrefixChunks.Hash(prompt, ""));

        Assert.Equal(2, index.Match(PrefixChunks.Hash(other, "")));
    }

    [Fact]
    public void An_index_forgets_the_oldest_prompts_and_of_those_the_ends_first()
    {
        var index = new PrefixIndex(capacity: 25);
        foreach (var seed in new[] { 1, 2, 1, 3 })
        {
            index.Add(Prompt(seed));
        }

        Assert.Equal([10, 5, 10], new[] { 1, 2, 3 }.Select(seed => index.Match(Prompt(seed))));
    }

    private string Choose(byte[] prefix)
    {
        Assert.True(_roster.TryChoose(prefix, out var worker));
        return worker.Silo;
    }

    private static byte[] Prompt(int seed) => PrefixChunks.Hash([.. Enumerable.Range(seed * 1000, 10 * PrefixChunks.Tokens)], "");

    private WorkerReport WithCache(string silo, int tokens) =>
        Report(silo, running: 0) with { Model = new ServedModelMessage("model", 1024, 100, "fingerprint", "none", tokens) };

    private WorkerReport Report(string silo, int running, long incarnation = 1, WorkerPhase phase = WorkerPhase.Ready) => new(
        new WorkerId(silo, 0),
        incarnation,
        new ServedModelMessage("model", 1024, 100, "fingerprint", "none", 65_536),
        phase,
        new LoadMessage(running, 0, 0, 100, 0, 0, 1),
        Progress: 1,
        Number: ++_reports);
}
