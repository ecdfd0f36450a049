using System.Diagnostics;
using System.Net;
using System.Text.Json.Nodes;
using OrleansLLM.Testing;

namespace OrleansLLM.Cli.Tests;

/// <summary>The whole program where the system lets it have few files open.</summary>
public sealed class DescriptorLimitTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>Of 320 the runtime keeps some 250, one for each assembly that it has loaded.</summary>
    [Fact]
    public async Task Out_of_descriptors_a_server_lives_says_so_once_and_answers_soon_after_some_are_free()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "How many files a runtime has open itself is Linux' number.");
        await using var server = await RunningServer.StartReadyInShellAsync("""ulimit -n 320; exec "$0" "$@" """, ReferenceData.Atlas);
        using var clients = new IdleClients(new IPEndPoint(IPAddress.Loopback, server.Http.BaseAddress!.Port), 300);
        await server.Process.WaitForAsync(new("may have 320 files open"));

        clients.Close(290);
        var sinceSomeAreFree = Stopwatch.StartNew();
        Assert.Equal(HttpStatusCode.OK, (await server.Http.GetAsync("health", Cancellation)).StatusCode);
        Assert.InRange(sinceSomeAreFree.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(3)); // within one, and a busy machine's two

        await server.PostAsync("v1/completions", new JsonObject { ["prompt"] = "The climate", ["max_tokens"] = 8 });
        server.Process.Terminate();
        var (code, output, errors) = await server.Process.WaitAsync();
        Assert.Equal((0, ""), (code, errors));
        Assert.Single(output.Split('\n'), line => line.Contains("files open", StringComparison.Ordinal));
    }
}
