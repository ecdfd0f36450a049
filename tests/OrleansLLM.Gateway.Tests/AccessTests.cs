using OrleansLLM.Gateway.Tests.Support;
using OrleansLLM.Text;

namespace OrleansLLM.Gateway.Tests;

/// <summary>Who may ask, and when.</summary>
public sealed class AccessTests
{
    private const string Body = """{"prompt":"a"}""";

    private static readonly GatewayOptions Keys = new() { ApiKeys = [new("alice", "sk-a"), new("bob", "sk-b")] };

    [Theory]
    [InlineData(null, 401, null)]
    [InlineData("Bearer sk-c", 401, null)]
    [InlineData("Bearer ", 401, null)]
    [InlineData("Basic sk-a", 401, null)]
    [InlineData("Bearer sk-a", 200, "sk-a")]
    [InlineData("bearer sk-b", 200, "sk-b")]
    public async Task A_key_makes_its_tenant(string? header, int status, string? key)
    {
        await using var host = await GatewayHost.StartAsync(Keys);
        var answer = await host.PostAsync("/v1/completions", Body, header is null ? [] : [("Authorization", header)]);
        Assert.Equal(status, answer.Status);
        Assert.Equal(key is null ? null : host.Server.Secret.TenantOf(key), host.Generator.Latest?.Tenant);
        if (status == 401)
        {
            Assert.Equal("invalid_api_key", (string?)answer.Error("code"));
            ErrorTests.AssertShape(answer);
        }
    }

    [Theory]
    [InlineData("sk-a", "sk-p", "sk-p", 5, 200, "sk-p")]
    [InlineData("sk-a", "sk-p", "sk-p", -9, 200, "sk-p")]
    [InlineData("sk-a", "sk-p", "sk-a", 5, 403, null)]
    [InlineData("sk-a", "sk-p", "sk-a", -9, 403, null)]
    [InlineData("sk-a", "sk-p", "sk-a", 0, 200, "sk-a")]
    [InlineData("sk-a", "sk-p", "sk-a", null, 200, "sk-a")]
    [InlineData("sk-a", "sk-p", "sk-x", null, 401, null)]
    [InlineData("sk-a", null, "sk-a", 5, 200, "sk-a")]
    [InlineData("sk-a", "sk-a", "sk-a", 5, 200, "sk-a")]
    [InlineData(null, "sk-p", null, 5, 403, null)]
    [InlineData(null, "sk-p", "none", 5, 403, null)]
    [InlineData(null, "sk-p", "none", null, 200, "")]
    [InlineData(null, "sk-p", null, null, 200, "")]
    [InlineData(null, "sk-p", "sk-p", 5, 200, "sk-p")]
    [InlineData(null, null, null, 5, 200, "")]
    public async Task Where_there_are_priority_keys_only_they_set_priority(
        string? key, string? priorityKey, string? sent, int? priority, int status, string? tenantOf)
    {
        await using var host = await GatewayHost.StartAsync(new()
        {
            ApiKeys = key is null ? [] : [new("alice", key)],
            PriorityApiKeys = priorityKey is null ? [] : [new("pat", priorityKey)],
        });
        (string, string)[] headers = sent is null ? [] : [("Authorization", $"Bearer {sent}")];
        var field = priority is null ? "" : FormattableString.Invariant($",\"priority\":{priority}");
        foreach (var (path, prompt) in new[]
        {
            ("/v1/completions", "\"prompt\":\"a\""), ("/v1/chat/completions", "\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]"),
        })
        {
            var answer = await host.PostAsync(path, $"{{{prompt}{field}}}", headers);
            var tenant = tenantOf is { Length: > 0 } ? host.Server.Secret.TenantOf(tenantOf) : tenantOf;
            Assert.Equal((status, tenant), (answer.Status, host.Generator.Latest?.Tenant));
            if (status == 200)
            {
                Assert.Equal(priority ?? 0, host.Generator.Latest!.Priority);
            }
            else
            {
                ErrorTests.AssertShape(answer);
                Assert.Equal(status == 403 ? "priority" : null, (string?)answer.Error("param"));
                Assert.Equal(status == 403, ((string)answer.Error("message")!).Contains("--priority-api-key", StringComparison.Ordinal));
            }
        }
    }

    [Theory]
    [InlineData("/health", 200)]
    [InlineData("/metrics", 200)]
    [InlineData("/version", 200)]
    [InlineData("/v1/models", 401)]
    public async Task Probes_need_no_key(string path, int status)
    {
        await using var host = await GatewayHost.StartAsync(Keys);
        Assert.Equal(status, (await host.GetAsync(path)).Status);
    }

    [Theory]
    [InlineData(ServingPhase.Loading, "loading")]
    [InlineData(ServingPhase.Draining, "stopping")]
    [InlineData(ServingPhase.Failed, "failed")]
    public async Task Only_a_ready_server_takes_requests(ServingPhase phase, string reason)
    {
        await using var host = await GatewayHost.StartAsync();
        host.Models.Phase = phase;
        foreach (var answer in new[] { await host.GetAsync("/health"), await host.PostAsync("/v1/completions", Body), await host.PostAsync("/tokenize", Body) })
        {
            Assert.Equal(503, answer.Status);
            Assert.Equal("1", answer.Headers["Retry-After"]);
            Assert.Contains(reason, (string?)answer.Error("message"), StringComparison.Ordinal);
        }

        Assert.Equal(200, (await host.GetAsync("/v1/models")).Status);
        host.Models.Phase = ServingPhase.Ready;
        Assert.Equal(200, (await host.GetAsync("/health")).Status);
    }

    [Fact]
    public async Task What_runs_when_a_drain_begins_is_finished()
    {
        await using var host = await GatewayHost.StartAsync();
        var gate = new TaskCompletionSource();
        var started = new TaskCompletionSource();
        host.Generator.Answer = (_, _) => new Script(['a', 'b'], Gate: (i, _) =>
        {
            started.TrySetResult();
            return gate.Task;
        });
        var running = host.PostAsync("/v1/completions", Body);
        await started.Task.WaitAsync(TestContext.Current.CancellationToken);
        host.Models.Phase = ServingPhase.Draining;
        Assert.Equal(503, (await host.PostAsync("/v1/completions", Body)).Status);
        gate.SetResult();
        Assert.Equal("ab", (string?)(await running).Choice()["text"]);
    }

    [Theory]
    [InlineData("https://a.example", "https://a.example", 401, "https://a.example")]
    [InlineData("https://a.example", "https://b.example", 403, null)]
    [InlineData("*", "https://b.example", 401, "*")]
    public async Task Pages_of_listed_origins_may_call_and_need_a_key(string listed, string origin, int status, string? allowed)
    {
        await using var host = await GatewayHost.StartAsync(Keys with { CorsOrigins = [listed] });
        using var preflight = new HttpRequestMessage(HttpMethod.Options, "/v1/completions");
        preflight.Headers.Add("Origin", origin);
        preflight.Headers.Add("Access-Control-Request-Method", "POST");
        preflight.Headers.Add("Access-Control-Request-Headers", "authorization,content-type");
        Assert.Equal(allowed, (await host.SendAsync(preflight)).Headers.GetValueOrDefault("Access-Control-Allow-Origin"));
        var answer = await host.PostAsync("/v1/completions", Body, ("Origin", origin));
        Assert.Equal((status, allowed), (answer.Status, answer.Headers.GetValueOrDefault("Access-Control-Allow-Origin")));
    }

    [Fact]
    public async Task Timeouts_reach_the_generator()
    {
        await using var host = await GatewayHost.StartAsync(new() { RequestTimeout = TimeSpan.FromSeconds(5), QueueTimeout = TimeSpan.FromSeconds(2) });
        await host.PostAsync("/v1/completions", Body);
        Assert.Equal((TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(2)), (host.Generator.Latest!.Timeout, host.Generator.Latest.QueueTimeout));
        Assert.Equal(TimeSpan.Zero, host.Generator.Latest.Linger);
    }
}
