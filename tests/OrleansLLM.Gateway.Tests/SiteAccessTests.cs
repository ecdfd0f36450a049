using System.Net.Sockets;
using System.Text;
using OrleansLLM.Gateway.Endpoints;
using OrleansLLM.Gateway.Tests.Support;

namespace OrleansLLM.Gateway.Tests;

/// <summary>Web pages of other sites get nothing, whichever way they come: by a rebound name, by their origin, or by a body of no type.</summary>
public sealed class SiteAccessTests
{
    private static readonly GatewayOptions Loopback = new() { AllowedHosts = [] };

    public static TheoryData<string, string> EveryRoute =>
        new(Routes.All.Select(route => (route.Method, route.Path.Replace("{**model}", GatewayHost.Model, StringComparison.Ordinal)))
            .Concat([("GET", Routes.Metrics), ("GET", "/"), ("PUT", "/v1/models"), ("OPTIONS", "/v1/completions"), ("HEAD", "/health")]));

    [Theory]
    [InlineData("127.0.0.1", 200)]
    [InlineData("127.9.8.7:99", 200)]
    [InlineData("localhost", 200)]
    [InlineData("LocalHost:8000", 200)]
    [InlineData("localhost.", 200)]
    [InlineData("page.localhost", 200)]
    [InlineData("a.Page.LOCALHOST.:8000", 200)]
    [InlineData("[::1]", 200)]
    [InlineData("[::1]:8000", 200)]
    [InlineData("[::ffff:127.0.0.1]", 200)]
    [InlineData("attacker.example", 403)]
    [InlineData("attacker.example:8000", 403)]
    [InlineData("localhost.attacker.example", 403)]
    [InlineData("localhost.localdomain.attacker.example", 403)]
    [InlineData("attacker.localdomain", 403)]
    [InlineData("ip6-localhost.attacker.example", 403)]
    [InlineData("attacker.ip6-localhost", 403)]
    [InlineData("notlocalhost", 403)]
    [InlineData("127.0.0.1.attacker.example", 403)]
    [InlineData("0.0.0.0", 403)]
    [InlineData("192.168.1.2", 403)]
    [InlineData("[fe80::1]", 403)]
    public async Task A_server_of_loopback_answers_to_names_of_loopback(string host, int status)
    {
        await using var server = await GatewayHost.StartAsync(Loopback);
        var answer = await SendAsync(server, "GET", "/v1/models", ("Host", host));
        Assert.Equal(status, answer.Status);
        if (status == 403)
        {
            ErrorTests.AssertShape(answer);
            Assert.Equal(("permission_error", "host_not_allowed"), ((string?)answer.Error("type"), (string?)answer.Error("code")));
            Assert.Contains("--allowed-hosts", (string?)answer.Error("message"), StringComparison.Ordinal);
        }
    }

    /// <summary>As Debian's and Fedora's name loopback; elsewhere a network may answer for such names.</summary>
    [Theory]
    [InlineData("localhost.localdomain")]
    [InlineData("LocalHost.LocalDomain.:8000")]
    [InlineData("localhost6")]
    [InlineData("ip6-localhost:8000")]
    [InlineData("ip6-loopback")]
    public async Task Names_of_a_hosts_file_are_names_of_loopback_on_Linux(string host)
    {
        await using var server = await GatewayHost.StartAsync(Loopback);
        var answer = await SendAsync(server, "GET", "/v1/models", ("Host", host), ("Origin", $"http://{host}"));
        Assert.Equal(OperatingSystem.IsLinux() ? 200 : 403, answer.Status);
    }

    [Theory]
    [MemberData(nameof(EveryRoute))]
    public async Task A_rebound_name_or_a_foreign_page_reaches_no_route(string method, string path)
    {
        await using var server = await GatewayHost.StartAsync(Loopback);
        Assert.Equal(403, (await SendAsync(server, method, path, ("Host", "attacker.example"))).Status);
        Assert.Equal(403, (await SendAsync(server, method, path, ("Host", "attacker.example"), ("X-Forwarded-Host", "localhost"))).Status);
        Assert.Equal(403, (await SendAsync(server, method, path, ("Origin", "https://attacker.example"))).Status);
    }

    [Theory]
    [InlineData("chat.example", "chat.example", 200)]
    [InlineData("chat.example", "CHAT.example.:8000", 200)]
    [InlineData("Chat.Example", "chat.example", 200)]
    [InlineData("chat.example", "localhost", 200)]
    [InlineData("chat.example", "a.chat.example", 403)]
    [InlineData("chat.example", "example", 403)]
    [InlineData("192.168.1.2", "192.168.1.2:8000", 200)]
    [InlineData("fe80::1", "[FE80:0::1]:8000", 200)]
    [InlineData("[fe80::1]", "[fe80::1]", 200)]
    [InlineData("*", "attacker.example", 200)]
    [InlineData(null, "attacker.example", 200)]
    public async Task Names_that_are_listed_are_answered_to(string? listed, string host, int status)
    {
        await using var server = await GatewayHost.StartAsync(new() { AllowedHosts = listed is null ? null : [listed] });
        Assert.Equal(status, (await SendAsync(server, "GET", "/health", ("Host", host))).Status);
    }

    [Theory]
    [InlineData(false, "HTTP/1.1 403")]
    [InlineData(true, "HTTP/1.1 200")]
    public async Task A_request_without_a_host_is_of_no_listed_one(bool isOpen, string answer)
    {
        await using var server = await GatewayHost.StartAsync(isOpen ? new() : Loopback);
        using var client = new TcpClient();
        await client.ConnectAsync(server.Address.Host, server.Address.Port, TestContext.Current.CancellationToken);
        await client.GetStream().WriteAsync("GET /health HTTP/1.0\r\n\r\n"u8.ToArray(), TestContext.Current.CancellationToken);
        using var reader = new StreamReader(client.GetStream());
        Assert.StartsWith(answer, await reader.ReadToEndAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("localhost:8000", "http://localhost:8000", 200)]
    [InlineData("LOCALHOST:8000", "http://localhost:8000", 200)]
    [InlineData("localhost.:8000", "http://localhost:8000", 200)]
    [InlineData("localhost", "http://localhost", 200)]
    [InlineData("localhost:80", "http://localhost", 200)]
    [InlineData("[::1]:8000", "http://[::1]:8000", 200)]
    [InlineData("localhost:8000", "https://localhost:8000", 403)]
    [InlineData("localhost:8000", "http://localhost:3000", 403)]
    [InlineData("localhost:8000", "http://localhost", 403)]
    [InlineData("localhost:8000", "http://127.0.0.1:8000", 403)]
    [InlineData("[::1]:8000", "http://[::2]:8000", 403)]
    [InlineData("localhost:8000", "http://localhost:8000.attacker.example", 403)]
    [InlineData("localhost:8000", "http://localhost:8000@attacker.example", 403)]
    [InlineData("localhost:8000", "http://attacker.example", 403)]
    [InlineData("localhost:8000", "chrome-extension://abcdef", 403)]
    [InlineData("localhost:8000", "null", 403)]
    [InlineData("localhost:8000", "", 403)]
    public async Task A_page_of_this_server_may_call_it_and_no_other(string host, string origin, int status)
    {
        foreach (var options in new[] { Loopback, new GatewayOptions { ApiKeys = [new("alice", "sk-a")] } })
        {
            await using var server = await GatewayHost.StartAsync(options);
            (string, string)[] headers = [("Host", host), ("Origin", origin), ("X-Forwarded-Proto", "https"), ("Authorization", "Bearer sk-a")];
            var answer = await SendAsync(server, "GET", "/v1/models", headers);
            Assert.Equal(status, answer.Status);
            if (status == 403)
            {
                Assert.Equal("origin_not_allowed", (string?)answer.Error("code"));
                Assert.Contains("--allowed-origins", (string?)answer.Error("message"), StringComparison.Ordinal);
                Assert.False(answer.Headers.ContainsKey("Access-Control-Allow-Origin"));
            }
        }
    }

    [Theory]
    [InlineData("https://chat.example", "https://chat.example", 200)]
    [InlineData("https://Chat.Example:443", "https://chat.example", 200)]
    [InlineData("https://chat.example", "http://chat.example", 403)]
    [InlineData("https://chat.example", "https://chat.example:8443", 403)]
    [InlineData("https://chat.example", "https://a.chat.example", 403)]
    [InlineData("https://chat.example", "null", 403)]
    [InlineData("null", "null", 200)]
    [InlineData("*", "null", 200)]
    [InlineData("*", "https://attacker.example", 200)]
    public async Task An_origin_that_is_listed_may_call_and_read(string listed, string origin, int status)
    {
        await using var server = await GatewayHost.StartAsync(Loopback with { CorsOrigins = [listed] });
        var answer = await SendAsync(server, "GET", "/v1/models", ("Origin", origin));
        Assert.Equal(status, answer.Status);
        var expected = status == 403 ? null : listed == "*" ? "*" : origin;
        Assert.Equal(expected, answer.Headers.GetValueOrDefault("Access-Control-Allow-Origin"));
        var preflight = await SendAsync(server, "OPTIONS", "/v1/completions", ("Origin", origin), ("Access-Control-Request-Method", "POST"));
        Assert.Equal(status == 403 ? 403 : 204, preflight.Status);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("text/plain")]
    [InlineData("text/plain; application/json")]
    [InlineData("application/x-www-form-urlencoded")]
    [InlineData("multipart/form-data; boundary=x")]
    [InlineData("text/plain, a+json")]
    public async Task A_body_that_a_page_may_send_unasked_is_read_by_no_route(string? type)
    {
        await using var server = await GatewayHost.StartAsync(new());
        foreach (var path in Routes.All.Where(route => route is { Method: "POST", Access: not Access.Admin }).Select(route => route.Path))
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new ByteArrayContent("""{"prompt":"a","tokens":[97]}"""u8.ToArray()) };
            if (type is not null)
            {
                request.Content.Headers.TryAddWithoutValidation("Content-Type", type);
            }

            Assert.Equal(415, (await server.SendAsync(request)).Status);
        }

        Assert.Empty(server.Generator.Submitted);
    }

    private static async Task<Answer> SendAsync(GatewayHost server, string method, string path, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        if (method == "POST")
        {
            request.Content = new StringContent("""{"prompt":"a"}""", Encoding.UTF8, "application/json");
        }

        foreach (var (name, value) in headers)
        {
            Assert.True(request.Headers.TryAddWithoutValidation(name, value));
        }

        return await server.SendAsync(request);
    }
}
