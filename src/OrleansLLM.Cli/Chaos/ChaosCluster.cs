using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.Json.Nodes;

namespace OrleansLLM.Cli.Chaos;

/// <summary>The processes under test, which meet in a store under an id of their own.</summary>
internal sealed class ChaosCluster : IAsyncDisposable
{
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(20);

    public ChaosCluster(ChaosPlan plan, string folder, Timeline timeline)
    {
        var secret = Path.Combine(folder, "secret");
        File.WriteAllText(secret, RandomNumberGenerator.GetHexString(64));
        string[] shared =
        [
            plan.Model, "--clustering", plan.Store ?? $"file:{Path.Combine(folder, "members")}", "--cluster-secret-file", secret,
            "--cluster-id", $"chaos-{RandomNumberGenerator.GetHexString(12)}",
        ];
        Gateways = [.. Enumerable.Range(1, plan.Gateways).Select(i => Silo(FormattableString.Invariant($"gateway-{i}"), SiloRole.Gateway, "--sse-keep-alive", "1"))];
        Workers = [.. Enumerable.Range(1, plan.Workers).Select(i => Silo(FormattableString.Invariant($"worker-{i}"), SiloRole.Worker))];

        ChaosSilo Silo(string name, SiloRole role, params string[] options) => new(
            name, role, [.. shared, "--name", name, "--role", role == SiloRole.Gateway ? "gateway" : "worker", .. options], plan.Connection, timeline);
    }

    public IReadOnlyList<ChaosSilo> Gateways { get; }

    public IReadOnlyList<ChaosSilo> Workers { get; }

    private IEnumerable<ChaosSilo> Silos => Gateways.Concat(Workers);

    /// <exception cref="ChaosException">One is not ready in time.</exception>
    public async Task StartAsync(CancellationToken cancellation)
    {
        foreach (var silo in Silos)
        {
            silo.Start();
        }

        await Task.WhenAll(Silos.Select(silo => silo.WaitUntilReadyAsync(cancellation))).ConfigureAwait(false);
    }

    /// <summary>What the first gateway that answers says of the cluster.</summary>
    public async Task<JsonNode?> DescribeAsync(CancellationToken cancellation)
    {
        foreach (var gateway in Gateways)
        {
            if (await gateway.TryGetAsync("v1/cluster", cancellation).ConfigureAwait(false) is { } text)
            {
                return JsonNode.Parse(text);
            }
        }

        return null;
    }

    /// <summary>Sequences that each worker runs, by its name.</summary>
    public async Task<IReadOnlyDictionary<string, int>> RunningAsync(CancellationToken cancellation)
    {
        var workers = (await DescribeAsync(cancellation).ConfigureAwait(false))?["workers"]?.AsArray() ?? [];
        return workers.GroupBy(worker => ((string)worker!["id"]!).Split('/')[0]).ToDictionary(
            worker => worker.Key, worker => worker.Sum(engine => (int)engine!["load"]!["running"]!));
    }

    /// <summary>Until all are there and all sequences have two copies; false where that takes longer than <paramref name="limit"/>.</summary>
    public Task<bool> IsWholeAsync(TimeSpan limit, CancellationToken cancellation) => UntilAsync(
        cluster => cluster["silos"]!.AsArray().Count == Gateways.Count + Workers.Count
            && cluster["workers"]!.AsArray().Count(worker => (string?)worker!["phase"] == "ready") == Workers.Count
            && (int)cluster["sequences"]!["live"]! == (int)cluster["sequences"]!["two_copies"]!,
        limit, cancellation);

    /// <summary>Until the others have taken it off the table.</summary>
    public Task<bool> HasLeftAsync(ChaosSilo silo, TimeSpan limit, CancellationToken cancellation) =>
        UntilAsync(cluster => cluster["silos"]!.AsArray().All(member => (string?)member!["name"] != silo.Name), limit, cancellation);

    public async ValueTask DisposeAsync()
    {
        foreach (var silo in Silos)
        {
            await silo.DisposeAsync().ConfigureAwait(false);
        }
    }

    private async Task<bool> UntilAsync(Func<JsonNode, bool> isSo, TimeSpan limit, CancellationToken cancellation)
    {
        var began = Stopwatch.GetTimestamp();
        while (await DescribeAsync(cancellation).ConfigureAwait(false) is not { } cluster || !isSo(cluster))
        {
            if (Stopwatch.GetElapsedTime(began) > limit)
            {
                return false;
            }

            await Task.Delay(Tick, cancellation).ConfigureAwait(false);
        }

        return true;
    }
}
