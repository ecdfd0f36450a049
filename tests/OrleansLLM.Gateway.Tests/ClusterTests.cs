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
            {"silos":[{"name":"g0","address":"127.0.0.1:1@2","roles":["gateway"]}],"workers":[{"id":"w0/1","model":"m","fingerprint":"f","system_fingerprint":"fp_252f10c836","device":"CPU","phase":"failed","failure":"It is stuck.","incarnation":"ab","report_age":0.25,"load":{"running":1,"waiting":2,"preempted":3,"total_blocks":4,"used_blocks":5,"cached_blocks":6}}],"sequences":{"live":7,"two_copies":6},"object":"cluster"}
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

    [Theory]
    [InlineData(null, null, 403, "--admin-key")]
    [InlineData(null, "Bearer admin", 403, "--admin-key")]
    [InlineData("admin", null, 401, "needs its own key")]
    [InlineData("admin", "Bearer client", 401, "not that of --admin-key")]
    [InlineData("admin", "Basic admin", 401, "needs its own key")]
    [InlineData("admin", "Bearer admin", 200, "draining")]
    public async Task Only_the_key_of_administration_drains_a_worker(string? key, string? header, int status, string says)
    {
        var fleet = new FakeFleet();
        await using var host = await GatewayHost.StartAsync(new GatewayOptions { ApiKeys = [new ApiKey("app", "client")], AdminKey = key }, fleet: fleet);
        var answer = await host.SendAsync(HttpMethod.Post, "/v1/cluster/workers/w0%2F1/drain", header is null ? [] : [("Authorization", header)]);

        Assert.Equal(status, answer.Status);
        Assert.Matches(says, answer.Body);
        Assert.Equal(status == 200 ? ["w0/1"] : [], fleet.Drained);
    }

    [Fact]
    public async Task The_key_of_administration_is_no_clients()
    {
        await using var host = await GatewayHost.StartAsync(
            new GatewayOptions { ApiKeys = [new ApiKey("app", "client")], AdminKey = "admin" }, fleet: new FakeFleet());
        Assert.Equal(401, (await host.PostAsync("/v1/completions", """{"prompt":"a"}""", ("Authorization", "Bearer admin"))).Status);
    }

    [Theory]
    [InlineData("w0%2F1", "w0/1", 200)]
    [InlineData("w0%2f1", "w0/1", 200)]
    [InlineData("w0/1", "w0/1", 200)]
    [InlineData("w0", "w0", 200)]
    [InlineData("w9%2F0", "w9/0", 404)]
    [InlineData("silent", "silent", 503)]
    public async Task A_worker_is_named_by_its_id_or_its_silo_and_its_state_is_the_answer(string path, string worker, int status)
    {
        var fleet = new FakeFleet();
        await using var host = await GatewayHost.StartAsync(new GatewayOptions { AdminKey = "admin" }, fleet: fleet);
        for (var again = 0; again < 2; again++)
        {
            var answer = await host.SendAsync(HttpMethod.Post, $"/v1/cluster/workers/{path}/drain", ("Authorization", "Bearer admin"));
            Assert.Equal(status, answer.Status);
            if (status == 200)
            {
                Assert.Equal(("w0/1", "draining"), ((string?)answer.Json["id"], (string?)answer.Json["phase"]));
            }
            else
            {
                ErrorTests.AssertShape(answer);
            }
        }

        Assert.Equal([worker, worker], fleet.Drained);
    }

    [Fact]
    public async Task A_server_that_is_no_member_of_a_cluster_drains_nobody()
    {
        await using var host = await GatewayHost.StartAsync(new GatewayOptions { AdminKey = "admin" });
        Assert.Equal(404, (await host.SendAsync(HttpMethod.Post, "/v1/cluster/workers/w0/drain", ("Authorization", "Bearer admin"))).Status);
    }

    private sealed class FakeFleet : IFleet
    {
        public List<string> Drained { get; } = [];

        public ValueTask<DrainResult> DrainAsync(string worker, CancellationToken cancellation)
        {
            Drained.Add(worker);
            return new(worker switch
            {
                "w0" or "w0/1" => new DrainResult.Begun(Worker with { Phase = WorkerPhase.Draining, Failure = null }),
                "silent" => new DrainResult.Unanswered(new WorkerId("silent", 0)),
                _ => new DrainResult.Unknown(),
            });
        }

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
