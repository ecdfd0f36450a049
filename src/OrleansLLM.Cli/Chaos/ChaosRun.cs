using System.Collections.Concurrent;
using OrleansLLM.Cli.Client;

namespace OrleansLLM.Cli.Chaos;

/// <summary>
/// Asks one process alone, then asks a cluster the same while its processes are killed, hung and stopped, and compares. Runs once.
/// </summary>
internal sealed class ChaosRun(ChaosPlan plan, string folder, Timeline timeline) : IDisposable
{
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(3);

    private readonly HttpClient _http = new(new SocketsHttpHandler { ConnectTimeout = ConnectTimeout, ResponseDrainTimeout = TimeSpan.Zero, UseProxy = false })
    {
        Timeout = Timeout.InfiniteTimeSpan,
    };

    private readonly ConcurrentDictionary<ChaosStream, byte> _underWay = [];
    private int _started;

    /// <exception cref="ChaosException">It could not be done.</exception>
    public async Task<ChaosReport> RunAsync(CancellationToken cancellation)
    {
        var (requests, undisturbed) = await AskAloneAsync(cancellation).ConfigureAwait(false);
        Console.WriteLine(FormattableString.Invariant(
            $"Undisturbed: {undisturbed.Sum(answer => answer.Choices)} sequences of {requests.Count} requests, {undisturbed.Sum(answer => answer.Tokens)} tokens, {timeline.Elapsed.TotalSeconds:F1} s."));
        var cluster = new ChaosCluster(plan, folder, timeline);
        await using (cluster.ConfigureAwait(false))
        {
            await cluster.StartAsync(cancellation).ConfigureAwait(false);
            return await DisturbAsync(cluster, requests, undisturbed, cancellation).ConfigureAwait(false);
        }
    }

    public void Dispose() => _http.Dispose();

    private async Task<(IReadOnlyList<ChaosRequest> Requests, IReadOnlyList<ChaosAnswer> Answers)> AskAloneAsync(CancellationToken cancellation)
    {
        var alone = new ChaosSilo("alone", SiloRole.All, [plan.Model], null, timeline);
        await using (alone.ConfigureAwait(false))
        {
            alone.Start();
            await alone.WaitUntilReadyAsync(cancellation).ConfigureAwait(false);
            using var client = new ServerClient(alone.Address, null);
            var requests = ChaosWorkload.Make(await client.GetModelAsync(cancellation).ConfigureAwait(false), plan.Sequences, plan.Seed);
            var answers = new ChaosAnswer[requests.Count];
            await AskAsync([alone], requests, () => _started < requests.Count, (number, answer) => answers[number] = answer, cancellation).ConfigureAwait(false);
            return answers.FirstOrDefault(answer => answer.Failure is not null) is { } failed
                ? throw new ChaosException($"The undisturbed run failed: {failed.Failure}")
                : (requests, answers);
        }
    }

    private async Task<ChaosReport> DisturbAsync(
        ChaosCluster cluster, IReadOnlyList<ChaosRequest> requests, IReadOnlyList<ChaosAnswer> undisturbed, CancellationToken cancellation)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var driver = new FaultDriver(cluster, () => [.. _underWay.Keys], plan.Seed, timeline);
        var report = new ChaosReport();
        _started = 0;
        var faulting = driver.RunAsync(plan.Faults, fault => Console.WriteLine(report.Add(fault, plan.Faults, timeline.Elapsed)), ending.Token);
        var asking = AskAsync(
            cluster.Gateways, requests, () => !faulting.IsCompleted || _started < requests.Count,
            (number, answer) => Compare(report, number, answer, undisturbed[number % undisturbed.Count]), ending.Token);
        try
        {
            await (await Task.WhenAny(faulting, asking).ConfigureAwait(false)).ConfigureAwait(false);
            await asking.ConfigureAwait(false);
            await faulting.ConfigureAwait(false);
        }
        finally
        {
            await ending.CancelAsync().ConfigureAwait(false);
            await Task.WhenAll(faulting, asking).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        var alive = default(TokenCounts);
        foreach (var worker in cluster.Workers)
        {
            await worker.CountAsync(cancellation).ConfigureAwait(false);
            alive += worker.Counts;
        }

        report.Count(alive + driver.Stopped, driver.Broken);
        return report;
    }

    private void Compare(ChaosReport report, int number, ChaosAnswer answer, ChaosAnswer undisturbed)
    {
        if (report.Add(answer, undisturbed))
        {
            return;
        }

        var sentence = FormattableString.Invariant($"request {number}: {answer.Difference(undisturbed)}");
        timeline.Write("compare", sentence);
        Console.WriteLine(sentence);
    }

    /// <summary>As many at once as planned, from the first request on, and round again while <paramref name="goesOn"/>.</summary>
    private Task AskAsync(
        IReadOnlyList<ChaosSilo> gateways, IReadOnlyList<ChaosRequest> requests, Func<bool> goesOn, Action<int, ChaosAnswer> onEnd, CancellationToken cancellation) =>
        Task.WhenAll(Enumerable.Range(0, plan.Streams).Select(_ => Task.Run(
            async () =>
            {
                while (goesOn())
                {
                    var number = Interlocked.Increment(ref _started) - 1;
                    var stream = new ChaosStream(_http, gateways, requests[number % requests.Count], number, timeline);
                    _underWay[stream] = 0;
                    await stream.RunAsync(cancellation).ConfigureAwait(false);
                    _underWay.TryRemove(stream, out var _);
                    onEnd(number, stream.Answer);
                }
            },
            cancellation)));
}
