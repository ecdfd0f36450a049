using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using OrleansLLM.Testing;

namespace OrleansLLM.Cli.Tests;

/// <summary>Terminals that hang up, and readers of the log that stop reading.</summary>
public sealed class EndOfLifeTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Sighup_lets_what_runs_finish_however_often_it_comes()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no SIGHUP.");
        await using var server = await RunningServer.StartReadyAsync(ReferenceData.Atlas);
        var body = new JsonObject
        {
            ["prompt"] = "The climate", ["max_tokens"] = 1500, ["ignore_eos"] = true, ["stream"] = true,
            ["stream_options"] = new JsonObject { ["include_usage"] = true },
        };
        using var request = new HttpRequestMessage(HttpMethod.Post, "v1/completions") { Content = JsonContent.Create(body) };
        using var response = await server.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancellation);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(Cancellation));
        server.Process.HangUp();
        await server.Process.WaitForAsync(new("Stopping: no new requests"));
        server.Process.HangUp();
        Assert.Contains("\"completion_tokens\":1500", await reader.ReadToEndAsync(Cancellation), StringComparison.Ordinal);
        Assert.Equal(0, (await server.Process.WaitAsync()).Code);
    }

    [Fact]
    public async Task Sighup_means_nothing_to_a_server_under_nohup()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no nohup.");
        await using var server = await RunningServer.StartReadyInShellAsync("""exec nohup "$0" "$@" """, ReferenceData.Atlas);
        server.Process.HangUp();
        server.Process.HangUp();
        Assert.Equal(HttpStatusCode.OK, (await server.Http.GetAsync("health", Cancellation)).StatusCode);
        await server.PostAsync("v1/completions", new JsonObject { ["prompt"] = "x", ["max_tokens"] = 2 });
        server.Process.Terminate();
        var (code, output, _) = await server.Process.WaitAsync();
        Assert.Equal(0, code);
        Assert.Single(output.Split('\n'), line => line.Contains("Stopping: no new requests", StringComparison.Ordinal));
    }

    /// <summary>A pipe holds 64 KiB, and the log a million letters: lines of 8,000 fill both.</summary>
    [Fact]
    public async Task A_log_that_nobody_reads_is_dropped_and_stops_neither_an_answer_nor_the_end()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no SIGTERM.");
        var start = new ProcessStartInfo(OrleansLLMProcess.ProgramFile, ["serve", ReferenceData.Atlas, "--port", "0"]) { RedirectStandardOutput = true };
        using var server = Process.Start(start)!;
        try
        {
            var address = "";
            for (var line = ""; !line.Contains("curl ", StringComparison.Ordinal); line = await server.StandardOutput.ReadLineAsync(Cancellation) ?? "curl ")
            {
                address = line.Contains("Listening on ", StringComparison.Ordinal) ? line.Split("Listening on ")[1].Split(' ')[0] : address;
            }

            using var http = new HttpClient { BaseAddress = new Uri(address), Timeout = TimeSpan.FromSeconds(60) };
            var path = new string('x', 8000);
            for (var request = 0; request < 200; request++)
            {
                Assert.Equal(HttpStatusCode.NotFound, (await http.GetAsync(path, Cancellation)).StatusCode);
            }

            Assert.InRange(await DroppedLinesAsync(http), 1, 200);
            await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => CompleteAsync(http)));
            using var kill = Process.Start("kill", server.Id.ToString(CultureInfo.InvariantCulture));
            await server.WaitForExitAsync(Cancellation).WaitAsync(TimeSpan.FromSeconds(60), Cancellation);
            Assert.Equal(0, server.ExitCode);
        }
        finally
        {
            server.Kill();
        }
    }

    /// <summary>What has taken a closed stream's place may be a file of the runtime's own: nothing is written there.</summary>
    [Theory]
    [InlineData(">&-", true)]
    [InlineData("2>&-", false)]
    [InlineData(">&- 2>&-", true)]
    [InlineData("<&- >&- 2>&-", true)]
    [InlineData("> >(head -1)", true)]
    public async Task A_log_that_never_was_or_whose_reader_has_gone_is_counted_and_harms_nothing(string redirection, bool losesLines)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no such shell.");
        await using var server = RunningServer.StartMuteInShell($"""exec "$0" "$@" {redirection}""", ReferenceData.Atlas);
        await server.UntilHealthyAsync();
        var limit = Stopwatch.StartNew();
        do
        {
            await CompleteAsync(server.Http);
            Assert.True(limit.Elapsed < TimeSpan.FromSeconds(30), "No lost line was counted.");
        }
        while (losesLines && await DroppedLinesAsync(server.Http) == 0);
        Assert.Equal(losesLines, await DroppedLinesAsync(server.Http) > 0);
        server.Process.Terminate();
        Assert.Equal(0, (await server.Process.WaitAsync()).Code);
    }

    private static async Task CompleteAsync(HttpClient http)
    {
        var body = new JsonObject { ["prompt"] = "The climate", ["max_tokens"] = 32, ["ignore_eos"] = true };
        using var response = await http.PostAsJsonAsync("v1/completions", body, Cancellation);
        var answer = JsonNode.Parse(await response.Content.ReadAsStringAsync(Cancellation))!;
        Assert.Equal(32, (int?)answer["usage"]?["completion_tokens"]);
    }

    private static async Task<double> DroppedLinesAsync(HttpClient http) =>
        PrometheusText.Parse(await http.GetStringAsync("metrics", Cancellation)).Value("orleansllm_log_lines_dropped_total");
}
