using System.Text;
using OrleansLLM.Gateway.Tests.Support;

namespace OrleansLLM.Gateway.Tests;

/// <summary>Who may go on with an answer, by which id, and what else is said.</summary>
public sealed class ResumeTests
{
    private const string Body = """{"prompt":"Hi","stream":true,"max_tokens":2}""";

    private static readonly GatewayOptions Keys = new() { ApiKeys = [new("alice", "sk-a"), new("bob", "sk-b")] };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("/v1/completions", "\"prompt\":\"Hi\"", "cmpl-")]
    [InlineData("/v1/chat/completions", "\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]", "chatcmpl-")]
    public async Task The_answers_id_is_in_the_header_of_streams_and_whole_answers(string path, string prompt, string prefix)
    {
        await using var host = await GatewayHost.StartAsync();
        var whole = await host.PostAsync(path, $"{{{prompt}}}");
        Assert.Equal(whole.Headers["Orleansllm-Id"], (string?)whole.Json["id"]);
        Assert.StartsWith(prefix, whole.Headers["Orleansllm-Id"], StringComparison.Ordinal);
        var streamed = await host.PostAsync(path, $$"""{{{prompt}},"stream":true}""");
        Assert.All(streamed.Chunks, chunk => Assert.Equal(streamed.Headers["Orleansllm-Id"], (string?)chunk["id"]));
        Assert.NotEqual(whole.Headers["Orleansllm-Id"], streamed.Headers["Orleansllm-Id"]);
        Assert.False((await host.PostAsync(path, "{}")).Headers.ContainsKey("Orleansllm-Id"));
    }

    [Fact]
    public async Task A_whole_answer_can_be_followed_as_events_with_its_usage()
    {
        await using var host = await GatewayHost.StartAsync();
        var whole = await host.PostAsync("/v1/completions", """{"prompt":"Hi"}""");
        var followed = await host.GetAsync($"/v1/sequences/{whole.Headers["Orleansllm-Id"]}/events");
        Assert.Equal(whole.Headers["Orleansllm-Id"], followed.Headers["Orleansllm-Id"]);
        Assert.Equal((string?)whole.Choice()["text"], string.Concat(followed.Chunks.SelectMany(chunk => chunk["choices"]!.AsArray()).Select(choice => (string?)choice!["text"])));
        Assert.Equal(whole.Json["usage"]!.ToJsonString(), followed.Chunks[^1]["usage"]!.ToJsonString());
        Assert.Equal((int?)whole.Json["created"], (int?)followed.Chunks[0]["created"]);
    }

    [Fact]
    public async Task An_alias_stays_the_models_name_and_the_time_of_creation_stays()
    {
        var time = new Microsoft.Extensions.Time.Testing.FakeTimeProvider();
        await using var host = await GatewayHost.StartAsync(time: time);
        var whole = await host.PostAsync("/v1/completions", Body.Replace("{", """{"model":"also-fake",""", StringComparison.Ordinal));
        time.Advance(TimeSpan.FromSeconds(100));
        var again = await host.GetAsync($"/v1/sequences/{whole.Headers["Orleansllm-Id"]}/events");
        Assert.Equal(whole.Body, again.Body);
        Assert.Contains("also-fake", again.Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Another_body_or_route_is_no_resumption()
    {
        await using var host = await GatewayHost.StartAsync();
        const string both = """{"prompt":"Hi","messages":[{"role":"user","content":"Hi"}],"stream":true}""";
        var last = SseEvent.ParseAll((await host.PostAsync("/v1/completions", both)).Body)[0].Id!;
        Assert.Equal(200, (await host.PostAsync("/v1/completions", both, ("Last-Event-ID", last))).Status);
        foreach (var (path, body) in new[] { ("/v1/completions", both.Replace("{\"p", "{ \"p", StringComparison.Ordinal)), ("/v1/chat/completions", both) })
        {
            var answer = await host.PostAsync(path, body, ("Last-Event-ID", last));
            Assert.Equal((409, "other_body"), (answer.Status, (string?)answer.Error("code")));
            ErrorTests.AssertShape(answer);
        }

        Assert.Single(host.Generator.Submitted);
    }

    [Fact]
    public async Task An_unknown_id_another_keys_and_a_forged_one_are_the_same_404()
    {
        await using var host = await GatewayHost.StartAsync(Keys);
        (string, string) alice = ("Authorization", "Bearer sk-a"), bob = ("Authorization", "Bearer sk-b");
        var whole = await host.PostAsync("/v1/completions", Body, alice);
        var id = whole.Headers["Orleansllm-Id"];
        var last = SseEvent.ParseAll(whole.Body)[0].Id!;
        var forged = new Answers.AnswerId(Answers.AnswerKind.Completion, RequestId.Create()).ToString();
        Assert.Equal(200, (await host.GetAsync($"/v1/sequences/{id}/events", alice)).Status);
        string?[] codes =
        [
            await CodeAsync(host.GetAsync($"/v1/sequences/{id}/events", bob)),
            await CodeAsync(host.GetAsync($"/v1/sequences/{id}.0/events", bob)),
            await CodeAsync(host.SendAsync(HttpMethod.Delete, $"/v1/sequences/{id}", bob)),
            await CodeAsync(host.PostAsync("/v1/completions", Body, bob, ("Last-Event-ID", last))),
            await CodeAsync(host.GetAsync($"/v1/sequences/{forged}/events", alice)),
            await CodeAsync(host.GetAsync($"/v1/sequences/chat{id}/events", alice)),
            await CodeAsync(host.GetAsync($"/v1/sequences/{id}.1/events", alice)),
            await CodeAsync(host.GetAsync($"/v1/sequences/{id[5..]}/events", alice)),
            await CodeAsync(host.GetAsync("/v1/sequences/x/events", alice)),
            await CodeAsync(host.SendAsync(HttpMethod.Delete, $"/v1/sequences/{id}.1", alice)),
            await CodeAsync(host.PostAsync("/v1/completions", Body, alice, ("Last-Event-ID", last.Replace(id, forged, StringComparison.Ordinal)))),
        ];
        Assert.All(codes, code => Assert.Equal("unknown_answer", code));
        Assert.Equal(401, (await host.GetAsync($"/v1/sequences/{id}/events")).Status);
        Assert.Empty(host.Generator.Cancelled);

        static async Task<string?> CodeAsync(Task<Answer> sent)
        {
            var answer = await sent;
            Assert.Equal(404, answer.Status);
            ErrorTests.AssertShape(answer);
            return (string?)answer.Error("code");
        }
    }

    [Fact]
    public async Task A_key_keeps_its_tenant_wherever_it_stands_in_the_list()
    {
        var secret = Encoding.UTF8.GetBytes("a secret of a cluster");
        await using var first = await GatewayHost.StartAsync(Keys with { ClusterSecret = secret });
        await using var second = await GatewayHost.StartAsync(Keys with { ClusterSecret = secret, ApiKeys = [new("key-1", "sk-b"), new("key-2", "sk-a")] });
        await using var other = await GatewayHost.StartAsync(Keys with { ClusterSecret = Encoding.UTF8.GetBytes("another secret of one") });
        foreach (var host in new[] { first, second, other })
        {
            await host.PostAsync("/v1/completions", Body, ("Authorization", "Bearer sk-a"));
        }

        Assert.Equal(first.Generator.Latest!.Tenant, second.Generator.Latest!.Tenant);
        Assert.NotEqual(first.Generator.Latest.Tenant, other.Generator.Latest!.Tenant);
        Assert.DoesNotContain("sk-a", first.Generator.Latest.Tenant, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_no_id_of_an_event_of_the_answer_is_refused()
    {
        await using var host = await GatewayHost.StartAsync();
        var (one, other) = (await host.PostAsync("/v1/completions", Body), await host.PostAsync("/v1/completions", Body));
        var id = one.Headers["Orleansllm-Id"];
        foreach (var after in new[] { "x", other.Headers["Orleansllm-Id"] + ":1:0:F", $"{id}:1:0:FF", $"{id}.0:1:0:F", $"{id}:1:0:E", $"{id}:2:0:F" })
        {
            foreach (var answer in new[]
            {
                await host.GetAsync($"/v1/sequences/{id}/events?after={after}"), await host.GetAsync($"/v1/sequences/{id}/events", ("Last-Event-ID", after)),
            })
            {
                Assert.Equal((400, "invalid_event_id"), (answer.Status, (string?)answer.Error("code")));
                ErrorTests.AssertShape(answer);
            }
        }

        Assert.Equal(400, (await host.PostAsync("/v1/completions", Body, ("Last-Event-ID", "x"))).Status);
        Assert.Equal(415, (await host.SendAsync(HttpMethod.Post, "/v1/completions", ("Last-Event-ID", $"{id}:1:0:F"))).Status);
    }

    [Fact]
    public async Task The_header_goes_before_the_address_and_either_will_do()
    {
        await using var host = await GatewayHost.StartAsync();
        var whole = await host.PostAsync("/v1/completions", Body);
        var (path, events) = ($"/v1/sequences/{whole.Headers["Orleansllm-Id"]}/events", SseEvent.ParseAll(whole.Body));
        Assert.Equal(events, SseEvent.ParseAll((await host.GetAsync(path)).Body));
        Assert.Equal(events.Skip(1), SseEvent.ParseAll((await host.GetAsync($"{path}?after={events[0].Id}")).Body));
        Assert.Equal(events.Skip(2), SseEvent.ParseAll((await host.GetAsync($"{path}?after={events[0].Id}", ("Last-Event-ID", events[1].Id!))).Body));
        Assert.NotEqual(whole.Headers["Orleansllm-Id"], (await host.PostAsync("/v1/completions", Body, ("Last-Event-ID", ""))).Headers["Orleansllm-Id"]);
    }

    [Fact]
    public async Task Error_events_have_no_id_and_come_again()
    {
        await using var host = await GatewayHost.StartAsync();
        host.Generator.Answer = (_, _) => new Script(new FakeTokenizer().Ids("ab"), new SequenceEnd(FinishReason.Failed));
        var whole = await host.PostAsync("/v1/completions", Body, ("X-Request-Id", "one"));
        var events = SseEvent.ParseAll(whole.Body);
        Assert.Equal((3, null), (events.Count, events[2].Id));
        for (var cut = 1; cut < 3; cut++)
        {
            var rest = await host.PostAsync("/v1/completions", Body, ("Last-Event-ID", events[cut - 1].Id!), ("X-Request-Id", "one"));
            Assert.Equal(events.Skip(cut), SseEvent.ParseAll(rest.Body));
        }
    }

    [Fact]
    public async Task Head_tells_whether_there_is_something_and_reads_nothing()
    {
        await using var host = await GatewayHost.StartAsync();
        var gate = new TaskCompletionSource();
        host.Generator.Answer = (_, _) => new Script(['a'], Gate: (_, _) => gate.Task);
        var running = host.PostAsync("/v1/completions", Body);
        Assert.True(SpinWait.SpinUntil(() => host.Generator.Latest is not null, TimeSpan.FromSeconds(10)));
        var id = new Answers.AnswerId(Answers.AnswerKind.Completion, host.Generator.Latest!.Id);
        var head = await host.SendAsync(HttpMethod.Head, $"/v1/sequences/{id}/events");
        Assert.Equal((200, "", "text/event-stream; charset=utf-8"), (head.Status, head.Body, head.Headers["Content-Type"]));
        Assert.Equal(404, (await host.SendAsync(HttpMethod.Head, "/v1/sequences/x/events")).Status);
        gate.SetResult();
        Assert.Equal(200, (await running).Status);
    }

    [Fact]
    public async Task Resuming_goes_on_while_the_server_drains()
    {
        await using var host = await GatewayHost.StartAsync();
        var whole = await host.PostAsync("/v1/completions", Body);
        host.Models.Phase = Text.ServingPhase.Draining;
        Assert.Equal(whole.Body, (await host.GetAsync($"/v1/sequences/{whole.Headers["Orleansllm-Id"]}/events")).Body);
    }

    [Theory]
    [InlineData("Orleansllm-Linger", "301")]
    [InlineData("Orleansllm-Linger", "-1")]
    [InlineData("Orleansllm-Linger", "1.5")]
    [InlineData("Orleansllm-Linger", "")]
    [InlineData("Orleansllm-Linger", "99999999999")]
    [InlineData("Idempotency-Key", "")]
    [InlineData("Idempotency-Key", "a\tb")]
    public async Task Headers_out_of_their_bounds_are_refused_by_name(string name, string value)
    {
        await using var host = await GatewayHost.StartAsync();
        var answer = await host.PostAsync("/v1/completions", Body, (name, value));
        Assert.Equal((400, name), (answer.Status, (string?)answer.Error("param")));
        Assert.Equal(400, (await host.PostAsync("/v1/completions", Body, ("Idempotency-Key", new string('k', 256)))).Status);
        Assert.Empty(host.Generator.Submitted);
    }

    [Theory]
    [InlineData(null, null, "", 0)]
    [InlineData("0", null, "", 0)]
    [InlineData("300", null, "", 300)]
    [InlineData(null, "key", "", 60)]
    [InlineData("5", "key", "", 5)]
    [InlineData("0", "key", "", 0)]
    [InlineData("300", null, ",\"stop\":\"x\"", 30)] // the rest of it a reader of the gateway's looks for stop strings
    public async Task The_linger_reaches_the_generator(string? linger, string? key, string fields, int seconds)
    {
        await using var host = await GatewayHost.StartAsync();
        (string, string)[] headers = [.. linger is null ? [] : new[] { ("Orleansllm-Linger", linger) }, .. key is null ? [] : new[] { ("Idempotency-Key", key) }];
        await host.PostAsync("/v1/completions", $$"""{"prompt":"Hi"{{fields}}}""", headers);
        Assert.Equal(seconds, host.Generator.Latest!.Linger.TotalSeconds);
    }

    [Fact]
    public async Task Envelopes_count_in_the_budget_of_what_waits()
    {
        await using var host = await GatewayHost.StartAsync();
        var held = new List<long>();
        host.Generator.Admit = (_, _) =>
        {
            held.Add(host.Server.Waiting.Held);
            return new((SubmitResult.Refused?)null);
        };
        await host.PostAsync("/v1/completions", """{"prompt":"a"}""");
        await host.PostAsync("/v1/completions", $$"""{"prompt":"a","stop":["{{new string('s', 1000)}}"]}""");
        Assert.InRange(held[1] - held[0], 1000, 1100);
        Assert.Equal(0, host.Server.Waiting.Held);
    }

    [Fact]
    public async Task A_resumption_without_room_for_what_it_holds_is_refused()
    {
        await using var host = await GatewayHost.StartAsync(new() { MaxCollectedBytes = 1 << 20 });
        var whole = await host.PostAsync("/v1/completions", Body);
        var path = $"/v1/sequences/{whole.Headers["Orleansllm-Id"]}/events";
        using (var large = host.Server.Answers.Open())
        {
            Assert.True(large.TryAdd(3 << 18));
            var little = Enumerable.Range(0, 256).Select(_ => host.Server.Answers.Open()).ToList();
            Assert.All(little, one => Assert.True(one.TryAdd(1 << 10)));
            var answer = await host.GetAsync(path);
            Assert.Equal(503, answer.Status);
            Assert.Contains("--max-collected-bytes", (string?)answer.Error("message"), StringComparison.Ordinal);
            little.ForEach(one => one.Dispose());
        }

        Assert.Equal(200, (await host.GetAsync(path)).Status);
        Assert.Equal(0, host.Server.Answers.Held);
    }

    [Fact]
    public async Task Any_change_of_a_cursor_is_answered_or_refused()
    {
        await using var host = await GatewayHost.StartAsync();
        host.Generator.Answer = (_, sample) => new Script(new FakeTokenizer().Ids("abcdefgh"[..(4 + sample)]));
        const string body = """{"prompt":["Hi","Ho"],"n":2,"stream":true,"echo":true,"logprobs":1,"stream_options":{"include_usage":true}}""";
        var whole = await host.PostAsync("/v1/completions", body);
        var (id, events) = (whole.Headers["Orleansllm-Id"], SseEvent.ParseAll(whole.Body));
        await Parallel.ForEachAsync(
            Enumerable.Range(0, 1000),
            new ParallelOptions { MaxDegreeOfParallelism = 4, CancellationToken = Cancellation },
            async (round, _) =>
            {
                var random = new Random(round);
                var cursor = events[random.Next(events.Count)].Id!.ToCharArray();
                for (var change = random.Next(1, 4); change > 0; change--)
                {
                    cursor[random.Next(cursor.Length)] = (char)random.Next('!', 127);
                }

                (string, string) last = ("Last-Event-ID", new string(cursor));
                var answer = round % 2 == 0 ? await host.GetAsync($"/v1/sequences/{id}/events", last) : await host.PostAsync("/v1/completions", body, last);
                Assert.True(answer.Status is 200 or 400 or 404, answer.Body);
                Assert.True(answer.Status != 200 || answer.Events[^1] == "[DONE]", answer.Body);
            });
    }
}
