using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Text;
using OrleansLLM.Gateway.Tests.Support;

namespace OrleansLLM.Gateway.Tests;

/// <summary>A client that leaves takes its work with it.</summary>
public sealed class DisconnectTests
{
    [Theory]
    [InlineData(true, 0)]
    [InlineData(true, 2)]
    [InlineData(false, 0)]
    [InlineData(false, 2)]
    public async Task A_client_that_leaves_ends_its_readers_and_nothing_else(bool stream, int after)
    {
        await using var host = await GatewayHost.StartAsync();
        var waits = new TaskCompletionSource();
        host.Generator.Answer = (_, _) => new Script(new FakeTokenizer().Ids("abcdef"), Gate: (i, cancellation) =>
        {
            if (i < after)
            {
                return Task.CompletedTask;
            }

            waits.TrySetResult();
            return Task.Delay(Timeout.Infinite, cancellation);
        });
        using var client = await SendAsync(host, $$"""{"prompt":"a","n":2,"stream":{{(stream ? "true" : "false")}}}""");
        await waits.Task.WaitAsync(TestContext.Current.CancellationToken);
        client.Close();
        var request = host.Generator.Latest!.Id;
        await host.Generator.ReaderLeft(new SequenceId(request, 0)).WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
        await host.Generator.ReaderLeft(new SequenceId(request, 1)).WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
        Assert.Empty(host.Generator.Cancelled);
    }

    [Fact]
    public async Task A_client_that_leaves_while_it_is_taken_in_cancels()
    {
        await using var host = await GatewayHost.StartAsync();
        var waits = new TaskCompletionSource();
        host.Generator.Admit = async (_, cancellation) =>
        {
            waits.TrySetResult();
            await Task.Delay(Timeout.Infinite, cancellation);
            return null;
        };
        using var client = await SendAsync(host, """{"prompt":"a"}""");
        await waits.Task.WaitAsync(TestContext.Current.CancellationToken);
        client.Close();
        await host.Generator.RequestCancelled(host.Generator.Latest!.Id).WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task One_that_is_answered_is_not_cancelled()
    {
        await using var host = await GatewayHost.StartAsync();
        await host.PostAsync("/v1/completions", """{"prompt":"a","n":2,"stop":"lo"}""");
        Assert.Empty(host.Generator.Cancelled);
    }

    [Fact]
    public async Task One_refused_prompt_cancels_the_others()
    {
        await using var host = await GatewayHost.StartAsync();
        var submitted = new ConcurrentDictionary<int, RequestId>();
        host.Generator.Admit = async (request, cancellation) =>
        {
            submitted[request.PromptIds.Span[0]] = request.Id;
            if (request.PromptIds.Span[0] == 'c')
            {
                await Task.Delay(Timeout.Infinite, cancellation);
            }

            return request.PromptIds.Span[0] == 'b' ? new SubmitResult.Refused(RefusalReason.QueueFull, "full") : null;
        };
        var answer = await host.PostAsync("/v1/completions", """{"prompt":[[97],[98],[99]]}""");
        Assert.Equal(429, answer.Status);
        Assert.Contains(submitted['a'], host.Generator.Cancelled);
        Assert.Contains(submitted['c'], host.Generator.Cancelled);
    }

    [Fact]
    public async Task Prompts_of_a_list_are_submitted_together()
    {
        await using var host = await GatewayHost.StartAsync();
        using var all = new CountdownEvent(3);
        var arrived = new TaskCompletionSource();
        host.Generator.Admit = async (_, cancellation) =>
        {
            if (all.Signal())
            {
                arrived.SetResult();
            }

            await arrived.Task.WaitAsync(cancellation);
            return null;
        };
        Assert.Equal(200, (await host.PostAsync("/v1/completions", """{"prompt":[[97],[98],[99]]}""")).Status);
    }

    [Fact]
    public async Task A_slow_reader_gets_every_token_and_holds_up_nobody()
    {
        await using var host = await GatewayHost.StartAsync();
        host.Generator.Answer = (request, _) => new Script([.. Enumerable.Repeat((int)'a', request.MaxTokens)]);
        using var slow = await SendAsync(host, """{"prompt":"a","stream":true,"max_tokens":190,"n":64}""");
        Assert.Equal(200, (await host.PostAsync("/v1/completions", """{"prompt":"a"}""")).Status);
        using var reader = new StreamReader(slow.GetStream());
        var text = await reader.ReadToEndAsync(TestContext.Current.CancellationToken);
        Assert.Equal(64 * 190, text.Split("\"text\":\"a\"").Length - 1);
        Assert.EndsWith("data: [DONE]\n\n", text, StringComparison.Ordinal);
    }

    private static async Task<TcpClient> SendAsync(GatewayHost host, string body)
    {
        var client = new TcpClient { ReceiveBufferSize = 4096 };
        await client.ConnectAsync(host.Address.Host, host.Address.Port, TestContext.Current.CancellationToken);
        var head = $"POST /v1/completions HTTP/1.0\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {body.Length}\r\n\r\n";
        await client.GetStream().WriteAsync(Encoding.UTF8.GetBytes(head + body), TestContext.Current.CancellationToken);
        return client;
    }
}
