using System.Text.Json.Nodes;
using OrleansLLM.Gateway.Tests.Support;

namespace OrleansLLM.Gateway.Tests;

/// <summary>What answers hold until they are sent whole: within a budget, whatever log probabilities take, and never as JSON.</summary>
public sealed class AnswerBudgetTests
{
    private static readonly GatewayOptions Small = new() { MaxCollectedBytes = 1 << 20, RetryAfter = TimeSpan.FromSeconds(4) };

    [Theory]
    [InlineData("\"n\":32,\"logprobs\":20", 503)]
    [InlineData("\"n\":32,\"logprobs\":20,\"stream\":true", 200)]
    [InlineData("\"n\":32", 200)]
    [InlineData("\"n\":2,\"logprobs\":20", 200)]
    [InlineData("\"n\":32,\"max_tokens\":1,\"prompt_logprobs\":20", 503)]
    [InlineData("\"n\":32,\"max_tokens\":1,\"echo\":true,\"logprobs\":20,\"stream\":true", 200)]
    public async Task An_answer_that_finds_no_room_ends_with_503_and_leaves_nothing(string fields, int status)
    {
        await using var host = await GatewayHost.StartAsync(Small);
        host.Generator.Answer = (_, _) => new Script([.. Enumerable.Repeat((int)'a', 150)]);
        var prompt = fields.Contains("max_tokens", StringComparison.Ordinal) ? new string('p', 150) : "p";
        var limit = fields.Contains("max_tokens", StringComparison.Ordinal) ? "" : "\"max_tokens\":150,";
        var answer = await host.PostAsync("/v1/completions", $$"""{"prompt":"{{prompt}}",{{limit}}{{fields}}}""");
        Assert.Equal(status, answer.Status);
        if (fields.Contains("echo", StringComparison.Ordinal))
        {
            Assert.Equal("unavailable", (string?)answer.Chunks[^1]["error"]!["code"]);
        }
        else if (status == 503)
        {
            ErrorTests.AssertShape(answer);
            Assert.Equal("4", answer.Headers["Retry-After"]);
            Assert.Contains("--max-collected-bytes", (string?)answer.Error("message"), StringComparison.Ordinal);
            await host.Generator.ReaderLeft(new SequenceId(host.Generator.Submitted.Single().Id, 31)).WaitAsync(TestContext.Current.CancellationToken);
        }

        Assert.Equal(0, host.Server.Answers.Held);
        Assert.Equal(200, (await host.PostAsync("/v1/completions", """{"prompt":"a","logprobs":20}""")).Status);
    }

    [Fact]
    public async Task Waiting_requests_beyond_the_budget_get_429_until_the_others_have_their_first_token()
    {
        await using var host = await GatewayHost.StartAsync(new() { MaxWaitingBytes = 1 << 20, RetryAfter = TimeSpan.FromSeconds(4) });
        var (first, waits) = (new TaskCompletionSource(), new TaskCompletionSource());
        host.Generator.Answer = (_, _) => new Script(['a', 'b'], Gate: (i, _) =>
        {
            waits.TrySetResult();
            return i == 0 ? first.Task : Task.CompletedTask;
        });
        const string large = """{"prompt":"a","n":90}""";
        var waiting = host.PostAsync("/v1/completions", large);
        await waits.Task;
        Assert.InRange(host.Server.Waiting.Held, 90 * 1024, 1 << 20);
        var refused = await host.PostAsync("/v1/completions", """{"prompt":"a","n":20,"stream":true}""");
        Assert.Equal((429, "4", "queue_full"), (refused.Status, refused.Headers["Retry-After"], (string?)refused.Error("code")));
        Assert.Contains("--max-waiting-bytes", (string?)refused.Error("message"), StringComparison.Ordinal);
        ErrorTests.AssertShape(refused);
        Assert.Single(host.Generator.Submitted);
        first.SetResult();
        Assert.Equal(200, (await waiting).Status);
        Assert.Equal(0, host.Server.Waiting.Held);
        Assert.Equal(200, (await host.PostAsync("/v1/completions", large)).Status);
    }

    [Theory]
    [InlineData("\"prompt\":\"a\"", 8_000, 9_000)]
    [InlineData("\"prompt\":\"a\",\"n\":128", 1_024_000, 1_100_000)]
    [InlineData("\"prompt\":[[1],[1],[1],[1]]", 32_000, 36_000)]
    [InlineData("\"prompt\":\"@\",\"prompt_logprobs\":20", 48_000, 60_000)]
    [InlineData("\"prompt\":\"@\",\"n\":2,\"logprobs\":20,\"max_tokens\":20", 25_000, 35_000)]
    [InlineData("\"prompt\":\"@\",\"repetition_penalty\":1.1", 15_000, 18_000)]
    [InlineData("\"prompt\":\"a\",\"logit_bias\":{\"1\":1,\"2\":1},\"bad_words\":[\"hello\"],\"stop_token_ids\":[3]", 8_200, 9_000)]
    public async Task A_waiting_request_counts_with_all_that_is_prepared_for_it(string fields, long least, long most)
    {
        await using var host = await GatewayHost.StartAsync();
        var held = 0L;
        host.Generator.Admit = (_, _) =>
        {
            held = host.Server.Waiting.Held;
            return new((SubmitResult.Refused?)null);
        };
        await host.PostAsync("/v1/completions", $"{{{fields.Replace("@", new string('a', 160), StringComparison.Ordinal)}}}");
        Assert.InRange(held, least, most);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_request_that_was_refused_or_left_waits_no_more(bool leaves)
    {
        await using var host = await GatewayHost.StartAsync();
        host.Generator.Admit = async (_, cancellation) =>
        {
            Assert.True(host.Server.Waiting.Held > 0);
            await (leaves ? Task.Delay(Timeout.Infinite, cancellation) : Task.CompletedTask);
            return new SubmitResult.Refused(RefusalReason.QueueFull, "full");
        };
        using var leaving = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var body = new StringContent("""{"prompt":"a","n":9}""", System.Text.Encoding.UTF8, "application/json");
        var sent = host.Client.PostAsync("/v1/completions", body, leaving.Token);
        if (leaves)
        {
            Assert.True(SpinWait.SpinUntil(() => host.Server.Waiting.Held > 0, TimeSpan.FromSeconds(10)));
            await leaving.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => sent);
        }
        else
        {
            Assert.Equal(429, (int)(await sent).StatusCode);
        }

        Assert.True(SpinWait.SpinUntil(() => host.Server.Waiting.Held == 0, TimeSpan.FromSeconds(10)));
    }

    [Theory]
    [InlineData("/v1/completions", "\"prompt\":\"p\",\"logprobs\":20,\"prompt_logprobs\":20,\"echo\":true")]
    [InlineData("/v1/chat/completions", "\"messages\":[{\"role\":\"user\",\"content\":\"p\"}],\"logprobs\":true,\"top_logprobs\":20")]
    public async Task Text_of_every_kind_stands_in_a_large_answer_as_it_is(string path, string fields)
    {
        await using var host = await GatewayHost.StartAsync();
        host.Generator.Answer = (_, _) => new Script(new FakeTokenizer().Ids("é<\"😀&" + new string('x', 150)));
        var answer = await host.PostAsync(path, $$"""{{{fields}},"n":8,"max_tokens":160}""");
        Assert.Equal(200, answer.Status);
        Assert.True(answer.Body.Length > 100_000);
        Assert.Contains("é<\\\"", answer.Body, StringComparison.Ordinal);
        foreach (var choice in answer.Json["choices"]!.AsArray())
        {
            Assert.Contains("é<\"😀&xxx", (string?)(choice!["text"] ?? choice["message"]!["content"]), StringComparison.Ordinal);
            var tokens = (choice["logprobs"]!["tokens"] ?? choice["logprobs"]!["content"])!.AsArray();
            Assert.InRange(tokens.Count, 159, 161);
            Assert.All((choice["logprobs"]!["top_logprobs"] ?? new JsonArray()).AsArray().Skip(1), top => Assert.InRange(top!.AsObject().Count, 2, 21));
        }
    }
}
