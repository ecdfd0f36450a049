namespace OrleansLLM.Cluster.Tests;

public sealed class WorkerRosterTests
{
    private readonly WorkerRoster _roster = new();
    private readonly Dictionary<string, WorkerReport> _workers = [];
    private int _reports;

    [Fact]
    public void Without_prefixes_the_least_loaded_worker_is_chosen()
    {
        Hear(Report("a", running: 3));
        Hear(Report("b", running: 1));
        Hear(Report("c", running: 2));

        Assert.Equal("b", Choose(Prompt(1)));
    }

    [Fact]
    public void Requests_sent_since_a_report_count_as_load()
    {
        Hear(Report("a", running: 0));
        Hear(Report("b", running: 0));

        Assert.Equal(["a", "b", "a", "b"], Enumerable.Range(10, 4).Select(seed => Choose(Prompt(seed))));
    }

    [Fact]
    public void A_cached_prefix_outweighs_some_load_but_not_any()
    {
        Hear(Report("a", running: 0));
        Hear(Report("b", running: 2));
        Assert.Equal("a", Choose(Prompt(1)));

        Hear(Report("a", running: 6));
        Assert.Equal("a", Choose(Prompt(1)));

        Hear(Report("a", running: 60));
        Assert.Equal("b", Choose(Prompt(1)));
    }

    [Fact]
    public void A_sequence_weighs_as_much_as_64_tokens_to_be_computed()
    {
        // Both wait for the same 320 tokens; then a has them cached, which is worth five sequences.
        Hear(Report("a", running: 0));
        Assert.Equal("a", Choose(Prompt(1)));
        Hear(Report("b", running: 0));
        Hear(Report("a", running: 4));
        Assert.Equal("a", Choose(Prompt(1)));

        Hear(Report("c", running: 1));
        Hear(Report("a", running: 7));
        Assert.Equal("b", Choose(Prompt(1)));
    }

    [Fact]
    public void Sequences_that_wait_or_were_preempted_count_as_those_that_run()
    {
        Hear(Report("a", running: 1) with { Load = new LoadMessage(0, 2, 0, 100, 0, 0, 1) });
        Hear(Report("b", running: 1));
        Assert.Equal("b", Choose(Prompt(1)));

        Hear(Report("a", running: 1) with { Load = new LoadMessage(0, 0, 2, 100, 0, 0, 1) });
        Hear(Report("b", running: 1));
        Assert.Equal("b", Choose(Prompt(2)));
    }

    [Fact]
    public void A_worker_counts_as_having_no_more_than_its_cache_holds()
    {
        Hear(WithCache("a", tokens: 5 * PrefixChunks.Tokens));
        Assert.Equal("a", Choose(Prompt(1)));
        Hear(WithCache("a", tokens: 5 * PrefixChunks.Tokens) with { Load = new LoadMessage(2, 0, 0, 100, 0, 0, 1) });
        Hear(Report("b", running: 0));
        Assert.Equal("a", Choose(Prompt(1)));
        Assert.Equal("b", Choose(Prompt(1)));
    }

    [Fact]
    public void A_worker_that_started_again_has_no_prefixes()
    {
        Hear(Report("a", running: 0));
        Hear(Report("b", running: 2));
        Assert.Equal("a", Choose(Prompt(1)));

        Hear(Report("a", running: 6, incarnation: 2));
        Assert.Equal("b", Choose(Prompt(1)));
    }

    [Fact]
    public void Who_is_excluded_is_not_chosen()
    {
        Hear(Report("a", running: 0, incarnation: 7));
        Hear(Report("b", running: 50, incarnation: 8));

        Assert.Equal("b", _roster.Choose([.. _workers.Values], new RouteQuery(Prompt(1), [7]))!.Worker.Silo);
        Assert.Null(_roster.Choose([.. _workers.Values], new RouteQuery(Prompt(1), [7, 8])));
        Assert.Null(_roster.Choose([], new RouteQuery(Prompt(1), [])));
    }

    [Fact]
    public void An_engine_with_the_fingerprint_asked_for_comes_before_any_other()
    {
        Hear(Report("a", running: 0, incarnation: 7));
        Hear(Report("b", running: 50, incarnation: 8) with { Model = new ServedModelMessage("model", 1024, 100, "same", "none", 65_536) });

        Assert.Equal("b", _roster.Choose([.. _workers.Values], new RouteQuery(Prompt(1), [], "same"))!.Worker.Silo);
        Assert.Equal("a", _roster.Choose([.. _workers.Values], new RouteQuery(Prompt(1), [8], "same"))!.Worker.Silo);
        Assert.Equal("a", _roster.Choose([.. _workers.Values], new RouteQuery(Prompt(1), [], "neither"))!.Worker.Silo);
    }

    [Fact]
    public void What_is_not_kept_is_forgotten_with_its_prefixes()
    {
        for (var silo = 0; silo < 100; silo++)
        {
            Hear(Report($"old {silo}", running: 0, incarnation: silo));
        }

        Choose(Prompt(1));
        Assert.Equal(100, _roster.Count);
        _roster.Keep([_workers["old 7"]]);
        Assert.Equal(1, _roster.Count);
        Choose(Prompt(1));
        Assert.Equal(100, _roster.Count);
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

    private void Hear(WorkerReport report) => _workers[report.Worker.Silo] = report;

    private string Choose(byte[] prefix) => _roster.Choose([.. _workers.Values], new RouteQuery(prefix, []))!.Worker.Silo;

    private static byte[] Prompt(int seed) => PrefixChunks.Hash([.. Enumerable.Range(seed * 1000, 10 * PrefixChunks.Tokens)], "");

    private WorkerReport WithCache(string silo, int tokens) =>
        Report(silo, running: 0) with { Model = new ServedModelMessage("model", 1024, 100, "fingerprint", "none", tokens) };

    private WorkerReport Report(string silo, int running, long incarnation = 0) => new(
        new WorkerId(silo, 0),
        incarnation == 0 ? silo[0] : incarnation,
        new ServedModelMessage("model", 1024, 100, "fingerprint", "none", 65_536),
        WorkerPhase.Ready,
        new LoadMessage(running, 0, 0, 100, 0, 0, 1),
        Progress: 1,
        Number: ++_reports);
}
