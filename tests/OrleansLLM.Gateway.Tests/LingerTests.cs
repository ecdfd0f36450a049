using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Time.Testing;
using OrleansLLM.Gateway.Tests.Support;

namespace OrleansLLM.Gateway.Tests;

/// <summary>Who leaves only leaves: what ends a sequence that has not ended by itself, over an engine.</summary>
public sealed class LingerTests
{
    private const string Fields = "\"prompt\":\"Hi\",\"max_tokens\":190,\"temperature\":0,\"ignore_eos\":true,\"allowed_token_ids\":[97,98,99,100]";
    private const string Long = $"{{{Fields},\"stream\":true}}";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Without_linger_a_client_that_leaves_takes_its_blocks_with_it()
    {
        await using var engine = await EngineHost.StartAsync();
        using var gate = new StepGate(engine.Model);
        using var left = await LeaveAsync(engine, gate, Long);
        await EndsAsync(engine, gate, left.Sequence, FinishReason.Cancelled);
        await FreesAsync(engine, gate);
    }

    [Fact]
    public async Task One_that_waits_for_a_whole_answer_does_so_too()
    {
        await using var engine = await EngineHost.StartAsync();
        using var gate = new StepGate(engine.Model);
        using var leaving = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        using var content = new StringContent($"{{{Fields}}}", Encoding.UTF8, "application/json");
        var sent = engine.Host.Client.PostAsync("/v1/completions", content, leaving.Token);
        await gate.StepUntilAsync(() => engine.Load.UsedBlocks > 0);
        await leaving.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => sent);
        Notices(engine.Host);
        await FreesAsync(engine, gate);
        Assert.InRange(engine.Model.ComputedRows, 1, 100);
    }

    [Fact]
    public async Task One_of_two_clients_may_leave()
    {
        await using var engine = await EngineHost.StartAsync();
        using var gate = new StepGate(engine.Model);
        using var first = await LiveStream.PostAsync(engine.Host, gate, Long);
        await first.ReadAsync(3);
        using var second = await LiveStream.GetAsync(engine.Host, gate, $"/v1/sequences/{first.Id}/events");
        await second.ReadAsync(1);
        first.Dispose();
        var events = await second.ReadAsync(int.MaxValue);
        Assert.Equal("[DONE]", events[^1].Data);
        Assert.Contains("\"length\"", events[^2].Data, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData(",\"stop\":\"never to be\"")]
    public async Task With_linger_it_goes_on_until_that_is_over(string fields)
    {
        var time = new FakeTimeProvider();
        await using var engine = await EngineHost.StartAsync(time: time);
        using var gate = new StepGate(engine.Model);
        using var left = await LeaveAsync(engine, gate, Long.Replace("}", fields + "}", StringComparison.Ordinal), ("Orleansllm-Linger", "20"));
        var (id, seconds) = (left.Sequence, 0);
        while ((await engine.Generator.DescribeAsync(id, Cancellation))!.End is null)
        {
            time.Advance(TimeSpan.FromSeconds(1));
            seconds++;
            for (var look = 0; look < 10 && (await engine.Generator.DescribeAsync(id, Cancellation))!.End is null; look++)
            {
                await Task.Delay(1, Cancellation);
            }
        }

        Assert.InRange(seconds, 20, 40);
        await EndsAsync(engine, gate, id, FinishReason.Cancelled);
    }

    [Fact]
    public async Task A_stop_string_that_nobody_reads_ends_it_all_the_same()
    {
        await using var engine = await EngineHost.StartAsync();
        var whole = await engine.Host.PostAsync("/v1/completions", Long);
        var text = TextOf(SseEvent.ParseAll(whole.Body));
        var stop = text.Substring(text.Length / 2, 6);
        using var gate = new StepGate(engine.Model);
        using var client = await LeaveAsync(engine, gate, Long.Replace("}", $",\"stop\":\"{stop}\"}}", StringComparison.Ordinal), ("Orleansllm-Linger", "60"));
        while ((await engine.Generator.DescribeAsync(client.Sequence, Cancellation))!.End is null)
        {
            gate.Step();
            await Task.Delay(5, Cancellation); // for the reader, that it is not overtaken by a hundred steps
        }

        await EndsAsync(engine, gate, client.Sequence, FinishReason.Stop);
        var resumed = await engine.Host.GetAsync($"/v1/sequences/{client.Id}/events");
        Assert.Equal(text[..text.IndexOf(stop, StringComparison.Ordinal)], TextOf(SseEvent.ParseAll(resumed.Body)));
    }

    [Theory]
    [InlineData("")]
    [InlineData(".1")]
    public async Task A_deleted_answer_gives_its_tokens_and_then_an_error(string choice)
    {
        await using var engine = await EngineHost.StartAsync();
        using var gate = new StepGate(engine.Model);
        using var client = await LiveStream.PostAsync(engine.Host, gate, Long.Replace("}", ",\"n\":2}", StringComparison.Ordinal));
        await client.ReadAsync(6);
        Assert.Equal(204, (await engine.Host.SendAsync(HttpMethod.Delete, $"/v1/sequences/{client.Id}{choice}")).Status);
        var events = await client.ReadAsync(int.MaxValue);
        Assert.Equal(("cancelled", null), ((string?)JsonNode.Parse(events[^1].Data)!["error"]!["code"], events[^1].Id));
        Assert.Equal(choice.Length > 0, events.Any(item => item.Data.Contains("\"finish_reason\":\"length\"", StringComparison.Ordinal)));

        var again = SseEvent.ParseAll((await engine.Host.GetAsync($"/v1/sequences/{client.Id}/events")).Body);
        Assert.Equal(TextOf(events, 0), TextOf(again, 0));
        Assert.Equal(TextOf(events, 1), TextOf(again, 1));
        Assert.Equal("cancelled", (string?)JsonNode.Parse(again[^1].Data)!["error"]!["code"]);
        Assert.Equal(204, (await engine.Host.SendAsync(HttpMethod.Delete, $"/v1/sequences/{client.Id}{choice}")).Status);
    }

    [Fact]
    public async Task An_ended_answer_stays_as_it_ended_when_it_is_deleted()
    {
        await using var engine = await EngineHost.StartAsync();
        var whole = await engine.Host.PostAsync("/v1/completions", Long);
        var id = whole.Headers["Orleansllm-Id"];
        foreach (var address in new[] { id, $"{id}.0" })
        {
            Assert.Equal(204, (await engine.Host.SendAsync(HttpMethod.Delete, $"/v1/sequences/{address}")).Status);
            Assert.Equal(whole.Body, (await engine.Host.GetAsync($"/v1/sequences/{id}/events")).Body);
        }
    }

    [Fact]
    public async Task A_forgotten_answer_is_unknown()
    {
        var time = new FakeTimeProvider();
        await using var engine = await EngineHost.StartAsync(time: time);
        var whole = await engine.Host.PostAsync("/v1/completions", Long);
        time.Advance(TimeSpan.FromMinutes(6));
        Assert.Equal(404, (await engine.Host.GetAsync($"/v1/sequences/{whole.Headers["Orleansllm-Id"]}/events")).Status);
        Assert.Equal(404, (await engine.Host.PostAsync("/v1/completions", Long, ("Last-Event-ID", SseEvent.ParseAll(whole.Body)[0].Id!))).Status);
    }

    [Fact]
    public async Task What_is_forgotten_of_an_answer_is_not_passed_over()
    {
        var time = new FakeTimeProvider();
        await using var engine = await EngineHost.StartAsync(time: time);
        using var gate = new StepGate(engine.Model);
        using var left = await LeaveAsync(engine, gate, Long.Replace("}", ",\"n\":2}", StringComparison.Ordinal), ("Orleansllm-Linger", "300"));
        Assert.Equal(204, (await engine.Host.SendAsync(HttpMethod.Delete, $"/v1/sequences/{left.Id}.0")).Status);
        time.Advance(TimeSpan.FromMinutes(3));
        await EndsAsync(engine, gate, left.Sequence with { Index = 1 }, FinishReason.Length);
        time.Advance(TimeSpan.FromMinutes(3));
        Assert.Equal(404, (await engine.Host.GetAsync($"/v1/sequences/{left.Id}/events")).Status);
        Assert.Equal(404, (await engine.Host.GetAsync($"/v1/sequences/{left.Id}.0/events")).Status);
        Assert.Equal("[DONE]", (await engine.Host.GetAsync($"/v1/sequences/{left.Id}.1/events")).Events[^1]);
    }

    [Theory]
    [InlineData("0", 1, 0)]
    [InlineData("60", 0, 1)]
    public async Task An_answer_that_its_client_goes_on_with_is_not_counted_as_aborted(string linger, int aborted, int ended)
    {
        var name = $"linger-{linger}";
        using var metrics = new ModelMetrics(name);
        await using var engine = await EngineHost.StartAsync(name: name);
        using var gate = new StepGate(engine.Model);
        using var left = await LeaveAsync(engine, gate, Long, ("Orleansllm-Linger", linger));
        gate.Dispose();
        await engine.Host.GetAsync($"/v1/sequences/{left.Id}/events?after={left.Events[^1].Id}");
        Assert.Equal((aborted, ended), (metrics.Sum("vllm.request_success|abort"), metrics.Sum("vllm.request_success|length")));
    }

    /// <summary>A client that has seen two events and is gone, which the server has noticed.</summary>
    private static async Task<LiveStream> LeaveAsync(EngineHost engine, StepGate gate, string body, params (string Name, string Value)[] headers)
    {
        var client = await LiveStream.PostAsync(engine.Host, gate, body, headers);
        await client.ReadAsync(2);
        client.Dispose();
        Notices(engine.Host);
        return client;
    }

    private static void Notices(GatewayHost host) => Assert.True(SpinWait.SpinUntil(
        () => host.Log.Lines.Any(line => line.Contains(" 499 ", StringComparison.Ordinal)), TimeSpan.FromSeconds(30)));

    private static async Task EndsAsync(EngineHost engine, StepGate gate, SequenceId id, FinishReason reason)
    {
        SequenceEnd? end = null;
        await gate.StepUntilAsync(() => (end = engine.Generator.DescribeAsync(id, Cancellation).AsTask().Result!.End) is not null);
        Assert.Equal(reason, end!.Reason);
    }

    private static Task FreesAsync(EngineHost engine, StepGate gate) => gate.StepUntilAsync(() => engine.Load is { UsedBlocks: 0, Running: 0 });

    private static string TextOf(IReadOnlyList<SseEvent> events, int index = 0) => string.Concat(
        events.Where(item => item.Data.StartsWith("{\"id\"", StringComparison.Ordinal)).SelectMany(item => JsonNode.Parse(item.Data)!["choices"]!.AsArray())
            .Where(choice => (int?)choice!["index"] == index).Select(choice => (string?)choice!["text"]));
}
