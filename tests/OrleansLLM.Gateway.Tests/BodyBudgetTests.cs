using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Http;
using OrleansLLM.Gateway.Endpoints;
using OrleansLLM.Gateway.Http;
using OrleansLLM.Gateway.Requests;
using OrleansLLM.Gateway.Tests.Support;

namespace OrleansLLM.Gateway.Tests;

/// <summary>What bodies cost: bytes for bytes, within a budget, and small ones are read whatever large ones do.</summary>
public sealed class BodyBudgetTests
{
    private const int Largest = Limits.BodyBytes;

    private static readonly GatewayOptions Small = new() { MaxParsedBytes = 1 << 20, RetryAfter = TimeSpan.FromSeconds(4) };

    public static TheoryData<string, string, string, string> Bodies => new()
    {
        { "/v1/completions", "{\"prompt\":[1", ",1", "]}" },
        { "/v1/completions", "{\"truncate_prompt_tokens\":9,\"prompt\":[1", ",1", "]}" },
        { "/v1/completions", "{\"prompt\":[[1]", ",[1]", "]}" },
        { "/v1/completions", "{\"prompt\":\"", "a", "\"}" },
        { "/v1/completions", "{\"prompt\":\"", "é", "\"}" },
        { "/v1/completions", "{\"prompt\":\"a\",\"stop\":[\"a\"", ",\"a\"", "]}" },
        { "/v1/completions", "{\"prompt\":\"a\",\"stop\":\"", "a", "\"}" },
        { "/v1/completions", "{\"prompt\":\"a\",\"model\":\"", "a", "\"}" },
        { "/v1/completions", "{\"prompt\":\"a\",\"logit_bias\":{\"1\":1", ",\"1\":1", "}}" },
        { "/v1/completions", "{\"prompt\":\"a\",\"allowed_token_ids\":[1", ",1", "]}" },
        { "/v1/completions", "{\"prompt\":\"a\",\"stream\":true,\"stream_options\":{\"a\":1", ",\"a\":1", "}}" },
        { "/v1/completions", "{\"prompt\":\"a\",\"unknown\":[[]", ",[]", "]}" },
        { "/v1/completions", "{\"prompt\":\"a\",\"unknown\":{\"a\":1", ",\"a\":1", "}}" },
        { "/v1/completions", "{\"prompt\":\"a\",\"n\":1", "1", "}" },
        { "/v1/completions", "{\"prompt\":\"a\",\"", "a", "\":1}" },
        { "/v1/completions", "{\"a\":1", ",\"a\":1", "}" },
        { "/v1/chat/completions", "{\"messages\":[{\"role\":\"user\",\"content\":\"", "a", "\"}]}" },
        { "/v1/chat/completions", "{\"messages\":[{\"role\":\"user\",\"content\":[\"a\"", ",\"a\"", "]}]}" },
        { "/v1/chat/completions", "{\"messages\":[{}", ",{}", "]}" },
        { "/v1/chat/completions", "{\"messages\":[{\"role\":\"user\",\"content\":\"a\",\"x\":[0", ",0", "]}]}" },
        { "/tokenize", "{\"prompt\":\"", "a", "\"}" },
        { "/detokenize", "{\"tokens\":[1", ",1", "]}" },
    };

    [Theory]
    [MemberData(nameof(Bodies))]
    public async Task Reading_the_largest_body_costs_four_times_its_bytes_at_most(string path, string start, string repeated, string end)
    {
        await using var host = await GatewayHost.StartAsync();
        var body = Encoding.UTF8.GetBytes(start + new StringBuilder().Insert(0, repeated, (Largest - start.Length - end.Length) / Encoding.UTF8.GetByteCount(repeated)) + end);
        Assert.InRange(body.Length, Largest - 64, Largest);
        var route = Routes.All.Single(route => route.Path == path);
        await HandleAsync(host, route, body); // the pool of arrays keeps what it made
        var before = GC.GetAllocatedBytesForCurrentThread();
        var reading = HandleAsync(host, route, body);
        var cost = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.True(reading.IsCompleted, "It went on on another thread, whose cost was not seen.");
        Assert.InRange(cost, 0, 3L * body.Length); // and the array that holds the body
        Assert.Equal(0, host.Server.Bodies.Held);
    }

    [Fact]
    public async Task Bodies_beyond_the_budget_get_503_until_there_is_room_and_small_ones_are_read()
    {
        await using var host = await GatewayHost.StartAsync(Small);
        var large = $$"""{"prompt":"a","unknown":"{{new string('x', 180_000)}}"}""";
        Assert.Equal(200, (await host.PostAsync("/v1/completions", large)).Status);
        using (var held = await BeginAsync(host, large[..^1], large.Length))
        {
            Assert.True(SpinWait.SpinUntil(() => host.Server.Bodies.Held >= large.Length - 1, TimeSpan.FromSeconds(10)));
            for (var round = 0; round < 3; round++)
            {
                var refused = await host.PostAsync("/v1/completions", large);
                Assert.Equal((503, "4", 4), (refused.Status, refused.Headers["Retry-After"], (int?)refused.Error("retry_after")));
                Assert.Contains("--max-parsed-bytes", (string?)refused.Error("message"), StringComparison.Ordinal);
                ErrorTests.AssertShape(refused);
                Assert.Equal(200, (await host.PostAsync("/v1/completions", """{"prompt":"a"}""")).Status);
            }
        }

        Assert.True(SpinWait.SpinUntil(() => host.Server.Bodies.Held == 0, TimeSpan.FromSeconds(10)));
        Assert.Equal(200, (await host.PostAsync("/v1/completions", large)).Status);
    }

    [Fact]
    public async Task What_is_announced_and_does_not_come_costs_nothing()
    {
        await using var host = await GatewayHost.StartAsync();
        using var held = await BeginAsync(host, "{", Largest);
        Assert.True(SpinWait.SpinUntil(() => host.Server.Bodies.Held > 0, TimeSpan.FromSeconds(10)));
        Assert.InRange(host.Server.Bodies.Held, 1, 1 << 16);
    }

    [Fact]
    public async Task A_body_that_no_budget_has_room_for_is_too_large()
    {
        await using var host = await GatewayHost.StartAsync(Small);
        var most = (int)(host.Server.Bodies.Largest / 4);
        foreach (var (length, status) in new[] { (most, 200), (most + 1, 413) })
        {
            var body = """{"prompt":"a"}""".PadRight(length);
            Assert.Equal(status, (await host.PostAsync("/v1/completions", body)).Status);
        }
    }

    [Theory]
    [InlineData(Limits.Fields, 200)]
    [InlineData(Limits.Fields + 1, 400)]
    public async Task Fields_have_a_limit_whatever_they_are_called(int fields, int status)
    {
        await using var host = await GatewayHost.StartAsync();
        var unknown = string.Concat(Enumerable.Range(1, fields - 1).Select(i => $",\"field{i}\":{{\"a\":1,\"b\":2}}"));
        Assert.Equal(status, (await host.PostAsync("/v1/completions", $$"""{"prompt":"a"{{unknown}}}""")).Status);
    }

    [Fact]
    public void A_budget_is_never_exceeded_and_leaves_a_quarter_to_the_small()
    {
        const int all = 1 << 20;
        var random = new Random(5);
        var budget = new ByteBudget(all);
        var open = new List<(ByteReservation Reservation, long Bytes)>();
        for (var round = 0; round < 20_000; round++)
        {
            if (open.Count > 0 && random.Next(3) == 0)
            {
                var at = random.Next(open.Count);
                open[at].Reservation.Dispose();
                open.RemoveAt(at);
            }
            else
            {
                var bytes = random.Next(2) == 0 ? random.Next(4096 + 1) : random.Next(all / 2);
                var room = (bytes <= 4096 ? all : all * 3 / 4) - open.Sum(held => held.Bytes);
                var reservation = budget.Open();
                Assert.Equal(bytes == 0 || bytes <= room, reservation.TryGrow(bytes));
                open.Add((reservation, bytes <= room ? bytes : 0));
            }

            Assert.Equal(open.Sum(held => held.Bytes), budget.Held);
            Assert.InRange(budget.Held, 0, all);
        }
    }

    private static async Task HandleAsync(GatewayHost host, Route route, byte[] body)
    {
        var context = new DefaultHttpContext { Request = { Method = route.Method, Path = route.Path, ContentType = "application/json" } };
        context.Request.ContentLength = body.Length;
        context.Request.Body = new MemoryStream(body);
        context.Response.Body = Stream.Null;
        await RequestPipeline.RunAsync(context, route, host.Server);
    }

    private static async Task<TcpClient> BeginAsync(GatewayHost host, string body, int announced)
    {
        var client = new TcpClient();
        await client.ConnectAsync(host.Address.Host, host.Address.Port, TestContext.Current.CancellationToken);
        var head = $"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {announced}\r\n\r\n";
        await client.GetStream().WriteAsync(Encoding.UTF8.GetBytes(head + body), TestContext.Current.CancellationToken);
        return client;
    }
}
