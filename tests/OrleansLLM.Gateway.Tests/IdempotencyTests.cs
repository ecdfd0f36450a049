using System.Text;
using OrleansLLM.Gateway.Tests.Support;

namespace OrleansLLM.Gateway.Tests;

/// <summary>POSTs with one key are one request.</summary>
public sealed class IdempotencyTests
{
    private const string Plain = """{"prompt":"Hi","n":2,"max_tokens":30,"temperature":1,"ignore_eos":true}""";
    private const string Stream = """{"prompt":["Hi","one two"],"max_tokens":30,"temperature":1,"stream":true,"ignore_eos":true}""";

    private static readonly (string, string) Key = ("Idempotency-Key", "a key, \"any\" key");

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(Plain)]
    [InlineData(Stream)]
    public async Task Twenty_at_once_are_one_computation(string body)
    {
        await using var engine = await EngineHost.StartAsync();
        using var gate = new StepGate(engine.Model);
        var sent = Enumerable.Range(0, 20).Select(_ => engine.Host.PostAsync("/v1/completions", body, Key)).ToList();
        var answers = await gate.StepUntilAsync(Task.WhenAll(sent));
        Assert.All(answers, answer => Assert.Equal((200, answers[0].Headers["Orleansllm-Id"]), (answer.Status, answer.Headers["Orleansllm-Id"])));
        var rows = engine.Model.ComputedRows;
        Assert.InRange(rows, 58, 80);
        Assert.All(answers, answer => Assert.Equal(answers[0].Body.Split('\n').Where(IsData).Order(), answer.Body.Split('\n').Where(IsData).Order()));
        Assert.Equal(200, (await engine.Host.PostAsync("/v1/completions", body, Key)).Status);
        Assert.Equal(rows, engine.Model.ComputedRows);

        static bool IsData(string line) => !line.StartsWith("id: ", StringComparison.Ordinal);
    }

    [Fact]
    public async Task Another_body_is_refused_while_it_runs_and_behind_it()
    {
        await using var engine = await EngineHost.StartAsync();
        using var gate = new StepGate(engine.Model);
        var first = engine.Host.PostAsync("/v1/completions", Plain, Key);
        await gate.StepUntilAsync(() => engine.Load.UsedBlocks > 0);
        await RefusedAsync();
        Assert.Equal(200, (await gate.StepUntilAsync(first)).Status);
        await RefusedAsync();
        Assert.Equal(200, (await gate.StepUntilAsync(engine.Host.PostAsync("/v1/completions", Plain, ("Idempotency-Key", "other")))).Status);

        async Task RefusedAsync()
        {
            foreach (var body in new[] { Stream, Plain.Replace("Hi", "Ho", StringComparison.Ordinal), Plain + " " })
            {
                var answer = await engine.Host.PostAsync("/v1/completions", body, Key);
                Assert.Equal((409, "other_body", "Idempotency-Key"), (answer.Status, (string?)answer.Error("code"), (string?)answer.Error("param")));
                ErrorTests.AssertShape(answer);
            }
        }
    }

    [Fact]
    public async Task Of_two_bodies_at_once_one_is_answered_and_stays_so()
    {
        await using var engine = await EngineHost.StartAsync();
        for (var round = 0; round < 20; round++)
        {
            (string, string) key = ("Idempotency-Key", FormattableString.Invariant($"key {round}"));
            var sent = Enumerable.Range(0, 6).Select(i => engine.Host.PostAsync("/v1/completions", i % 2 == 0 ? Plain : Stream, key)).ToList();
            var answers = await Task.WhenAll(sent);
            Assert.All(answers, answer => Assert.True(answer.Status is 200 or 409, answer.Body));
            var ids = answers.Where(answer => answer.Status == 200).Select(answer => answer.Headers["Orleansllm-Id"]).Distinct();
            Assert.Single(ids);
        }
    }

    [Fact]
    public async Task A_key_is_a_tenants_own_and_draws_the_same_everywhere()
    {
        var options = new GatewayOptions { ApiKeys = [new("alice", "sk-a"), new("bob", "sk-b")], ClusterSecret = Encoding.UTF8.GetBytes("a secret of a cluster") };
        await using var one = await GatewayHost.StartAsync(options);
        await using var other = await GatewayHost.StartAsync(options);
        await using var stranger = await GatewayHost.StartAsync(options with { ClusterSecret = new byte[20] });
        var first = await AskAsync(one, "sk-a");
        Assert.Equal(first, await AskAsync(other, "sk-a"));
        foreach (var (id, seed) in new[] { await AskAsync(one, "sk-b"), await AskAsync(stranger, "sk-a"), await AskAsync(one, "sk-a", "other key") })
        {
            Assert.NotEqual(first.Id, id);
            Assert.NotEqual(first.Seed, seed);
        }

        var prompts = one.Generator.Submitted.Count();
        await one.PostAsync("/v1/completions", Stream, Key, ("Authorization", "Bearer sk-a"));
        Assert.Equal(prompts, one.Generator.Submitted.Count());

        static async Task<(string Id, ulong Seed)> AskAsync(GatewayHost host, string apiKey, string? key = null)
        {
            var answer = await host.PostAsync("/v1/completions", Stream, key is null ? Key : ("Idempotency-Key", key), ("Authorization", $"Bearer {apiKey}"));
            Assert.Equal(200, answer.Status);
            Assert.Distinct(host.Generator.Submitted.Select(request => request.Sampling.Seed));
            var id = answer.Headers["Orleansllm-Id"];
            return (id, host.Generator.Submitted.Single(request => id.EndsWith(request.Id.ToString(), StringComparison.Ordinal)).Sampling.Seed);
        }
    }

    [Fact]
    public async Task A_seed_that_is_given_stays()
    {
        await using var host = await GatewayHost.StartAsync();
        await host.PostAsync("/v1/completions", Plain.Replace("}", ",\"seed\":5}", StringComparison.Ordinal), Key);
        Assert.Equal(5u, host.Generator.Latest!.Sampling.Seed);
    }

    [Theory]
    [InlineData("""{"prompt":"Hi"}""")]
    [InlineData("""{"prompt":["Hi","Ho","He"],"stream":true}""")]
    public async Task A_refused_request_leaves_no_key(string body)
    {
        await using var host = await GatewayHost.StartAsync();
        host.Generator.Admit = (request, _) =>
            new(request.PromptIndex == (body.Contains("Ho", StringComparison.Ordinal) ? 1 : 0) ? new SubmitResult.Refused(RefusalReason.QueueFull, "full") : null);
        Assert.Equal(429, (await host.PostAsync("/v1/completions", body, Key)).Status);
        host.Generator.Admit = (_, _) => new((SubmitResult.Refused?)null);
        Assert.Equal(200, (await host.PostAsync("/v1/completions", body + " ", Key)).Status);
        Assert.Equal(409, (await host.PostAsync("/v1/completions", body, Key)).Status);
    }

    [Fact]
    public async Task A_failed_answer_leaves_its_key_to_the_next_one_whose_tokens_are_the_same()
    {
        await using var engine = await EngineHost.StartAsync();
        var whole = await engine.Host.PostAsync("/v1/completions", Stream, ("Idempotency-Key", "undisturbed"));
        using var gate = new StepGate(engine.Model);
        using var client = await LiveStream.PostAsync(engine.Host, gate, Stream, Key);
        await client.ReadAsync(4);
        Assert.Equal(204, (await engine.Host.SendAsync(HttpMethod.Delete, $"/v1/sequences/{client.Id}")).Status);
        await client.ReadAsync(int.MaxValue);
        var failed = client.Events;
        var again = await gate.StepUntilAsync(engine.Host.PostAsync("/v1/completions", Stream, Key));
        Assert.NotEqual(client.Id, again.Headers["Orleansllm-Id"]);
        Assert.Equal("[DONE]", again.Events[^1]);
        Assert.StartsWith(TextOf(failed, 0), TextOf(SseEvent.ParseAll(again.Body), 0), StringComparison.Ordinal);
        Assert.NotEqual(TextOf(SseEvent.ParseAll(whole.Body), 0), TextOf(SseEvent.ParseAll(again.Body), 0));
        Assert.Equal(again.Headers["Orleansllm-Id"], (await engine.Host.PostAsync("/v1/completions", Stream, Key)).Headers["Orleansllm-Id"]);
    }

    [Fact]
    public async Task A_key_whose_answers_always_fail_is_refused_in_the_end()
    {
        await using var host = await GatewayHost.StartAsync();
        host.Generator.Answer = (_, _) => new Script([], new SequenceEnd(FinishReason.Failed));
        for (var attempt = 0; attempt < 16; attempt++)
        {
            Assert.Equal(500, (await host.PostAsync("/v1/completions", """{"prompt":"Hi"}""", Key)).Status);
        }

        Assert.Equal(409, (await host.PostAsync("/v1/completions", """{"prompt":"Hi"}""", Key)).Status);
        Assert.Equal(16, host.Generator.Submitted.Count());
    }

    [Fact]
    public async Task A_client_that_leaves_while_it_is_taken_in_gives_up_nothing()
    {
        await using var host = await GatewayHost.StartAsync();
        var accept = new TaskCompletionSource();
        host.Generator.Admit = async (request, cancellation) =>
        {
            await (request.PromptIndex == 0 ? Task.CompletedTask : accept.Task.WaitAsync(cancellation));
            return null;
        };
        using var leaving = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/completions") { Content = new StringContent(Stream, Encoding.UTF8, "application/json") };
        request.Headers.Add(Key.Item1, Key.Item2);
        var left = host.Client.SendAsync(request, leaving.Token);
        Assert.True(SpinWait.SpinUntil(() => host.Generator.Latest?.PromptIndex == 1, TimeSpan.FromSeconds(10)));
        var joined = host.PostAsync("/v1/completions", Stream, Key);
        await leaving.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => left);
        Assert.True(SpinWait.SpinUntil(() => host.Log.Lines.Any(line => line.Contains(" 499 ", StringComparison.Ordinal)), TimeSpan.FromSeconds(10)));
        accept.SetResult();
        Assert.Equal(200, (await joined).Status);
        Assert.Empty(host.Generator.Cancelled);
        Assert.Equal(2, host.Generator.Submitted.Count());
    }

    [Fact]
    public async Task Prompts_tokens_and_answers_are_counted_once()
    {
        const string name = "idempotency-metrics";
        using var metrics = new ModelMetrics(name);
        await using var engine = await EngineHost.StartAsync(name: name);
        var host = engine.Host;
        var body = Stream.Replace("}", ",\"stream_options\":{\"include_usage\":true}}", StringComparison.Ordinal);
        var answers = await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => host.PostAsync("/v1/completions", body, Key)));
        var id = answers[0].Headers["Orleansllm-Id"];
        await host.GetAsync($"/v1/sequences/{id}/events");
        await host.GetAsync($"/v1/sequences/{id}/events?after={SseEvent.ParseAll(answers[0].Body)[7].Id}");
        await host.GetAsync($"/v1/sequences/{id}.1/events");
        Assert.Equal((int)answers[0].Chunks[^1]["usage"]!["prompt_tokens"]!, metrics.Sum("vllm.prompt_tokens"));
        Assert.Equal((60, 2), (metrics.Sum("vllm.generation_tokens"), metrics.Sum("vllm.request_success|length")));
        Assert.Equal((2, 2), (metrics.Count("vllm.time_to_first_token_seconds"), metrics.Count("vllm.e2e_request_latency_seconds")));
        Assert.Equal((2, 1), (metrics.Count("vllm.request_params_n"), metrics.Count("vllm.request_max_num_generation_tokens")));
    }

    private static string TextOf(IReadOnlyList<SseEvent> events, int index) => string.Concat(
        events.Where(item => item.Data.StartsWith("{\"id\"", StringComparison.Ordinal))
            .SelectMany(item => System.Text.Json.Nodes.JsonNode.Parse(item.Data)!["choices"]!.AsArray())
            .Where(choice => (int?)choice!["index"] == index).Select(choice => (string?)choice!["text"]));
}
