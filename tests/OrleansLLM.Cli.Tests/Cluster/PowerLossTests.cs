using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using OrleansLLM.Testing.Stores;

namespace OrleansLLM.Cli.Tests.Cluster;

/// <summary>All processes are gone at once, and their rows are left in the store as if they lived.</summary>
public sealed partial class PowerLossTests(RedisServer redis, PostgresServer postgres) : IClassFixture<RedisServer>, IClassFixture<PostgresServer>
{
    private const int Kill = 9;

    [Theory]
    [InlineData("file")]
    [InlineData("redis")]
    [InlineData("postgres")]
    public async Task All_killed_at_once_serve_within_15_seconds_of_the_next_start(string store)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no such signals.");
        await using var silos = new SiloProcesses(Store(store));
        var clock = Stopwatch.StartNew();
        var starts = new[] { silos.StartAsync("gateway"), silos.StartAsync("worker") };
        var (gateway, worker) = (await starts[0], await starts[1]);
        await gateway.Process.WaitForAsync(Serving());
        var first = clock.Elapsed; // how fast this machine is now: a few seconds where it does nothing else
        gateway.Process.Signal(Kill);
        worker.Process.Signal(Kill);
        await Task.WhenAll(gateway.Process.WaitAsync(), worker.Process.WaitAsync());

        clock.Restart();
        starts = [silos.StartAsync("gateway"), silos.StartAsync("worker")];
        var again = await starts[0];
        await again.Process.WaitForAsync(Serving());
        while (!await IsAnsweredAsync(again))
        {
            Assert.InRange(clock.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(60));
        }

        Assert.InRange(clock.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(10) + first);
        await starts[1];
    }

    /// <summary>False where its worker was silent for a moment, as on a machine that is overloaded.</summary>
    private static async Task<bool> IsAnsweredAsync(RunningServer server)
    {
        var body = new JsonObject { ["prompt"] = "The climate", ["max_tokens"] = 4 };
        using var response = await server.Http.PostAsJsonAsync("v1/completions", body, TestContext.Current.CancellationToken);
        return response.IsSuccessStatusCode;
    }

    private string[]? Store(string name)
    {
        switch (name)
        {
            case "redis":
                Assert.SkipWhen(redis.Missing is not null, redis.Missing ?? "");
                return ["--clustering", "redis", "--clustering-connection", redis.Connection];
            case "postgres":
                Assert.SkipWhen(postgres.Missing is not null, postgres.Missing ?? "");
                return ["--clustering", "postgres", "--clustering-connection", postgres.Connection];
            default:
                return null;
        }
    }

    [GeneratedRegex(@"Serving \S+, [0-9.]+ s after the start")]
    private static partial Regex Serving();
}
