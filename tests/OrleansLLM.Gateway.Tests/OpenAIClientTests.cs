using System.ClientModel;
using System.ClientModel.Primitives;
using OpenAI;
using OpenAI.Chat;
using OrleansLLM.Gateway.Tests.Support;

namespace OrleansLLM.Gateway.Tests;

/// <summary>The unmodified OpenAI client for .NET.</summary>
public sealed class OpenAIClientTests
{
    [Fact]
    public async Task It_lists_models()
    {
        await using var host = await GatewayHost.StartAsync();
        var models = await Client(host).GetOpenAIModelClient().GetModelsAsync(TestContext.Current.CancellationToken);
        Assert.Equal(["also-fake", "fake"], models.Value.Select(model => model.Id).Order());
        var model = await Client(host).GetOpenAIModelClient().GetModelAsync("fake", TestContext.Current.CancellationToken);
        Assert.Equal("fake", model.Value.Id);
    }

    [Fact]
    public async Task It_chats()
    {
        await using var host = await GatewayHost.StartAsync();
        var options = new ChatCompletionOptions { IncludeLogProbabilities = true, TopLogProbabilityCount = 2, MaxOutputTokenCount = 2 };
        ChatCompletion answer = await Client(host).GetChatClient("fake").CompleteChatAsync(
            [new SystemChatMessage("Be short."), new UserChatMessage("Hi")], options, TestContext.Current.CancellationToken);
        Assert.Equal(" hello world", answer.Content[0].Text);
        Assert.Equal(ChatFinishReason.Length, answer.FinishReason);
        Assert.Equal(2, answer.Usage.OutputTokenCount);
        Assert.Equal(3, answer.Usage.InputTokenDetails.CachedTokenCount);
        Assert.Equal([" hello", " world"], answer.ContentTokenLogProbabilities.Select(token => token.Token));
    }

    [Fact]
    public async Task It_streams()
    {
        await using var host = await GatewayHost.StartAsync();
        var text = "";
        ChatFinishReason? finish = null;
        ChatTokenUsage? usage = null;
        await foreach (var update in Client(host).GetChatClient("fake").CompleteChatStreamingAsync(
            [new UserChatMessage("Hi")], cancellationToken: TestContext.Current.CancellationToken))
        {
            text += string.Concat(update.ContentUpdate.Select(part => part.Text));
            finish ??= update.FinishReason;
            usage ??= update.Usage;
        }

        Assert.Equal((" hello world", ChatFinishReason.Stop, 3), (text, finish, usage?.OutputTokenCount));
    }

    [Fact]
    public async Task It_reads_errors()
    {
        await using var host = await GatewayHost.StartAsync(new() { ApiKeys = [new("a", "sk-right")] });
        var wrong = await Assert.ThrowsAsync<ClientResultException>(() => Client(host, "sk-wrong").GetChatClient("fake").CompleteChatAsync("Hi"));
        Assert.Equal(401, wrong.Status);
        var missing = await Assert.ThrowsAsync<ClientResultException>(() => Client(host, "sk-right").GetChatClient("other").CompleteChatAsync("Hi"));
        Assert.Equal(404, missing.Status);
        Assert.Contains("`other` does not exist", missing.Message, StringComparison.Ordinal);
    }

    private static OpenAIClient Client(GatewayHost host, string key = "none") => new(
        new ApiKeyCredential(key), new OpenAIClientOptions { Endpoint = new Uri(host.Address, "/v1"), RetryPolicy = new ClientRetryPolicy(0) });
}
