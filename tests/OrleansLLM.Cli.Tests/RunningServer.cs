using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace OrleansLLM.Cli.Tests;

/// <summary><c>orleansllm serve</c> as its own process on a free port.</summary>
internal sealed partial class RunningServer : IAsyncDisposable
{
    private RunningServer(OrleansLLMProcess process, Uri address)
    {
        Process = process;
        // A client that leaves is gone at once: by default it would read on for 2 s, in which a short answer ends.
        var handler = new SocketsHttpHandler { ResponseDrainTimeout = TimeSpan.Zero };
        Http = new HttpClient(handler) { BaseAddress = address, Timeout = TimeSpan.FromMinutes(2) };
    }

    public OrleansLLMProcess Process { get; }

    public HttpClient Http { get; }

    /// <summary>Comes back once the port answers; the model may still load.</summary>
    public static async Task<RunningServer> StartAsync(string model, params string[] options)
    {
        var process = OrleansLLMProcess.Start(["serve", model, "--port", "0", .. options]);
        var match = await process.WaitForAsync(Listening());
        return new RunningServer(process, new Uri(match.Groups[1].Value));
    }

    /// <summary>By a shell that becomes it; comes back once the model answers.</summary>
    public static async Task<RunningServer> StartReadyInShellAsync(string script, string model)
    {
        var process = OrleansLLMProcess.StartInShell(script, "serve", model, "--port", "0");
        var match = await process.WaitForAsync(Listening());
        await process.WaitForAsync(Serving());
        return new RunningServer(process, new Uri(match.Groups[1].Value));
    }

    /// <summary>The same where it may have no output to say its port on: takes one that is free now, and comes back at once.</summary>
    public static RunningServer StartMuteInShell(string script, string model)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port.ToString(CultureInfo.InvariantCulture);
        listener.Stop();
        return new RunningServer(OrleansLLMProcess.StartInShell(script, "serve", model, "--port", port), new Uri($"http://127.0.0.1:{port}"));
    }

    /// <summary>Comes back once the model answers.</summary>
    public static async Task<RunningServer> StartReadyAsync(string model, params string[] options)
    {
        var server = await StartAsync(model, options);
        await server.Process.WaitForAsync(Serving());
        return server;
    }

    public async Task<JsonNode> PostAsync(string path, JsonNode body)
    {
        using var response = await Http.PostAsJsonAsync(path, body, TestContext.Current.CancellationToken);
        var text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.True(response.IsSuccessStatusCode, text);
        return JsonNode.Parse(text)!;
    }

    /// <summary>Waits until it takes requests, however long nobody listens before.</summary>
    public async Task UntilHealthyAsync()
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(60));
        while (!await IsHealthyAsync(limit.Token))
        {
            await Task.Delay(20, limit.Token);
        }
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await Process.DisposeAsync();
    }

    private async Task<bool> IsHealthyAsync(CancellationToken cancellation)
    {
        try
        {
            using var response = await Http.GetAsync("health", cancellation);
            return response.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    [GeneratedRegex(@"Listening on (http://\S+?)[\s""]")]
    private static partial Regex Listening();

    [GeneratedRegex(@"Serving \S+, [0-9.]+ s after the start")]
    private static partial Regex Serving();
}
