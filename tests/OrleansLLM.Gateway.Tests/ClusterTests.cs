using OrleansLLM.Gateway.Tests.Support;

namespace OrleansLLM.Gateway.Tests;

public sealed class ClusterTests
{
    [Fact]
    public async Task The_cluster_is_told_with_its_silos_workers_and_copies()
    {
        await using var host = await GatewayHost.StartAsync(fleet: new FakeFleet());
        var answer = await host.GetAsync("/v1/cluster");

        Assert.Equal(200, answer.Status);
        Assert.Equal(
            """
            {"silos":[{"name":"g0","address":"127.0.0.1:1@2","roles":["gateway"]}],"workers":[{"id":"w0/1","model":"m","fingerprint":"f","device":"CPU","phase":"failed","failure":"It is stuck.","incarnation":"ab","report_age":0.25,"load":{"running":1,"waiting":2,"preempted":3,"total_blocks":4,"used_blocks":5,"cached_blocks":6}}],"sequences":{"live":7,"two_copies":6},"object":"cluster"}
            """,
            answer.Body);
    }

    [Fact]
    public async Task A_server_that_is_no_member_of_one_says_so()
    {
        await using var host = await GatewayHost.StartAsync();
        var answer = await host.GetAsync("/v1/cluster");

        Assert.Equal(404, answer.Status);
        Assert.Contains("no member of a cluster", answer.Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Where_keys_are_asked_for_the_cluster_is_not_told_without_one()
    {
        await using var host = await GatewayHost.StartAsync(new GatewayOptions { ApiKeys = [new ApiKey("app", "secret")] }, fleet: new FakeFleet());
        Assert.Equal(401, (await host.GetAsync("/v1/cluster")).Status);
        Assert.Equal(200, (await host.GetAsync("/v1/cluster", ("Authorization", "Bearer secret"))).Status);
    }

    private sealed class FakeFleet : IFleet
    {
        private static readonly WorkerDescription Worker = new(
            new WorkerId("w0", 1), "m", "f", "CPU", WorkerPhase.Failed, new EngineLoad(1, 2, 3, 4, 5, 6, 7))
        {
            Failure = "It is stuck.",
            Incarnation = 0xAB,
            ReportAge = TimeSpan.FromMilliseconds(250),
        };

        public ValueTask<IReadOnlyList<WorkerDescription>> GetWorkersAsync(CancellationToken cancellation) => new([Worker]);

        public ValueTask<IReadOnlyList<ModelDescription>> GetModelsAsync(CancellationToken cancellation) => new([]);

        public ValueTask<ClusterDescription> DescribeAsync(CancellationToken cancellation) => new(
            new ClusterDescription([new SiloDescription("g0", "127.0.0.1:1@2", ["gateway"])], [Worker], Sequences: 7, Copied: 6));
    }
}
