using System.Net;
using System.Net.Sockets;
using System.Text;
using OrleansLLM.Gateway.Tests.Support;

namespace OrleansLLM.Gateway.Tests;

/// <summary>HEAD is GET without a body, on every route and for every status.</summary>
public sealed class MethodTests
{
    [Theory]
    [InlineData("/health", 200)]
    [InlineData("/version", 200)]
    [InlineData("/metrics", 200)]
    [InlineData("/v1/models", 200)]
    [InlineData("/v1/models/fake", 200)]
    [InlineData("/v1/models/nobody", 404)]
    [InlineData("/nowhere", 404)]
    [InlineData("/v1/completions", 405)]
    public async Task Head_is_answered_as_get(string path, int status)
    {
        await using var host = await GatewayHost.StartAsync();
        var got = await host.GetAsync(path);
        using var request = new HttpRequestMessage(HttpMethod.Head, path);
        var answer = await host.SendAsync(request);

        Assert.Equal((status, status, ""), (got.Status, answer.Status, answer.Body));
        if (path != "/metrics") // whose body, and so its type, is empty where nothing was measured yet
        {
            Assert.Equal(got.Headers["Content-Type"], answer.Headers["Content-Type"]);
        }
    }

    [Theory]
    [InlineData("/health")]
    [InlineData("/v1/models")]
    [InlineData("/v1/models/nobody")]
    [InlineData("/metrics")]
    public async Task Behind_the_headers_nothing_comes(string path)
    {
        await using var host = await GatewayHost.StartAsync();
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, host.Address.Port, TestContext.Current.CancellationToken);
        var stream = client.GetStream();
        await stream.WriteAsync(
            Encoding.ASCII.GetBytes($"HEAD {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"), TestContext.Current.CancellationToken);
        using var reader = new StreamReader(stream);
        var answer = await reader.ReadToEndAsync(TestContext.Current.CancellationToken);

        Assert.EndsWith("\r\n\r\n", answer, StringComparison.Ordinal);
        Assert.Equal(answer.Length - 4, answer.IndexOf("\r\n\r\n", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Head_needs_the_key_that_get_needs()
    {
        await using var host = await GatewayHost.StartAsync(new() { ApiKeys = [new ApiKey("bob", "secret")] });
        using var request = new HttpRequestMessage(HttpMethod.Head, "/v1/models");
        Assert.Equal(401, (await host.SendAsync(request)).Status);
    }

    [Fact]
    public async Task A_wrong_method_is_told_both()
    {
        await using var host = await GatewayHost.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Delete, "/v1/models");
        var answer = await host.SendAsync(request);
        Assert.Equal(405, answer.Status);
        Assert.Equal("GET,HEAD", answer.Headers["Allow"].Replace(" ", "", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("/v1/models/org/name")]
    [InlineData("/v1/models/org%2Fname")]
    [InlineData("/v1/models/org%2fname")]
    public async Task A_name_with_a_slash_is_asked_for_with_it_or_its_escape(string path)
    {
        await using var host = await GatewayHost.StartAsync(name: "org/name");
        var answer = await host.GetAsync(path);
        Assert.Equal((200, "org/name"), (answer.Status, (string?)answer.Json["id"]));
        Assert.Equal(404, (await host.GetAsync(path + "/more")).Status);
    }
}
