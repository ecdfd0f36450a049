using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using OrleansLLM.Cluster;
using OrleansLLM.Testing;

namespace OrleansLLM.Cli.Tests.Cluster;

/// <summary>Gateways and workers as processes of their own, that meet in a folder and talk over TCP.</summary>
public sealed partial class ClusterTests
{
    private const int Stop = 19;
    private const int Continue = 18;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("gateway", "worker")]
    [InlineData("worker", "gateway")]
    public async Task A_gateway_and_a_worker_in_either_order_answer_as_one_process_does(string first, string second)
    {
        string expected;
        await using (var alone = await RunningServer.StartReadyAsync(ReferenceData.Atlas))
        {
            expected = await AnswersAsync(alone);
        }

        await using var silos = new SiloProcesses();
        var early = await silos.StartAsync(first);
        await early.Process.WaitForAsync(new(first == "gateway" ? "waiting for a worker that serves atlas" : "Waiting for a gateway: none is in the cluster"));
        var late = await silos.StartAsync(second);
        var (gateway, worker) = first == "gateway" ? (early, late) : (late, early);
        await gateway.Process.WaitForAsync(Serving());
        await UntilStatusAsync(gateway, "health/ready", HttpStatusCode.OK);
        await UntilStatusAsync(worker, "health/ready", HttpStatusCode.OK);

        Assert.Equal(expected, await AnswersAsync(gateway));
        await OnlyProbesAsync(worker);
        await StopAsync(gateway);
        await StopAsync(worker);
    }

    [Fact]
    public async Task A_gateway_without_a_worker_is_alive_and_not_ready()
    {
        await using var silos = new SiloProcesses();
        var gateway = await silos.StartAsync("gateway");
        await gateway.Process.WaitForAsync(new("waiting for a worker"));
        Assert.Equal(HttpStatusCode.OK, (await gateway.Http.GetAsync("health/live", Cancellation)).StatusCode);
        await UntilStatusAsync(gateway, "health/ready", HttpStatusCode.ServiceUnavailable);
        using var refused = await gateway.Http.PostAsJsonAsync("v1/completions", new JsonObject { ["prompt"] = "x" }, Cancellation);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);

        var worker = await silos.StartAsync("worker");
        await gateway.Process.WaitForAsync(Serving());
        await UntilStatusAsync(gateway, "health/ready", HttpStatusCode.OK);
        await StopAsync(worker);
        await UntilStatusAsync(gateway, "health/ready", HttpStatusCode.ServiceUnavailable);
        Assert.Equal(HttpStatusCode.OK, (await gateway.Http.GetAsync("health/live", Cancellation)).StatusCode);
    }

    [Fact]
    public async Task A_silo_with_another_secret_is_refused_and_both_sides_say_why()
    {
        await using var silos = new SiloProcesses();
        var gateway = await silos.StartAsync("gateway");
        await using var stranger = OrleansLLMProcess.Start(["serve", ReferenceData.Atlas, "--port", "0", .. silos.Options("worker", "stranger", silos.WriteSecret("another"))]);
        var (code, output, errors) = await stranger.WaitAsync();
        Assert.Equal(1, code);
        Assert.Contains("Silo gateway was asked whether it shares this one's secret, and it refused this silo's cluster secret (--cluster-secret-file)", errors, StringComparison.Ordinal);
        await gateway.Process.WaitForAsync(new(@"The silo connection with \S+ is refused: it has another cluster secret \(--cluster-secret-file\)"));
        Assert.DoesNotContain("Listening on", output, StringComparison.Ordinal);
        await UntilStatusAsync(gateway, "health/live", HttpStatusCode.OK);
    }

    [Fact]
    public async Task A_silo_that_was_called_dead_while_it_stood_still_ends_with_its_exit_code()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no such signals.");
        await using var silos = new SiloProcesses();
        var gateway = await silos.StartAsync("gateway");
        var worker = await silos.StartAsync("worker");
        await gateway.Process.WaitForAsync(Serving());
        worker.Process.Signal(Stop);
        await gateway.Process.WaitForAsync(new("No worker serves atlas any more"));
        worker.Process.Signal(Continue);
        var (code, _, errors) = await worker.Process.WaitAsync();
        Assert.Equal(SiloDeath.ExitCode, code);
        Assert.StartsWith("The other silos have called this one dead", errors, StringComparison.Ordinal);
        Assert.Matches(@"Silo worker \(\S+\) is called dead: it did not answer", gateway.Process.Output);
    }

    [Fact]
    public async Task A_second_silo_of_a_living_ones_name_is_refused()
    {
        await using var silos = new SiloProcesses();
        await silos.StartAsync("gateway", "a");
        var (code, _, errors) = await OrleansLLMProcess.RunAsync(["serve", ReferenceData.Atlas, "--port", "0", .. silos.Options("gateway", "a", silos.Secret)]);
        Assert.Equal(1, code);
        Assert.Contains("A silo named a is in the cluster already, at 127.0.0.1:", errors, StringComparison.Ordinal);
    }

    /// <summary>What clients see, but ids and times.</summary>
    private static async Task<string> AnswersAsync(RunningServer server)
    {
        var answers = new List<string>();
        foreach (var stream in new[] { false, true })
        {
            foreach (var (path, body) in Requests())
            {
                body["stream"] = stream;
                using var response = await server.Http.PostAsJsonAsync(path, body, Cancellation);
                var answer = Own().Replace(await response.Content.ReadAsStringAsync(Cancellation), "0");
                answers.Add(FormattableString.Invariant($"{(int)response.StatusCode} {(answer.StartsWith("id: ", StringComparison.Ordinal) ? Joined(answer) : answer)}"));
            }
        }

        answers.Add(Own().Replace(await server.Http.GetStringAsync("v1/models", Cancellation), "0"));
        return string.Join('\n', answers);
    }

    /// <summary>A stream's choices, each whole: how many tokens come in one event, and whose come first, is a matter of time.</summary>
    private static string Joined(string stream)
    {
        var choices = new SortedDictionary<int, string>();
        foreach (var line in stream.Split('\n').Where(line => line.StartsWith("data: {", StringComparison.Ordinal)))
        {
            foreach (var choice in JsonNode.Parse(line["data: ".Length..])!["choices"]!.AsArray())
            {
                var tokens = choice!["logprobs"]?["tokens"]?.AsArray().Select(token => token!.ToJsonString()) ?? [];
                var probabilities = choice["logprobs"]?["token_logprobs"]?.AsArray().Select(value => value!.ToJsonString()) ?? [];
                var index = choice["index"]!.GetValue<int>();
                choices[index] = choices.GetValueOrDefault(index, "")
                    + (choice["text"] ?? choice["delta"]?["content"])
                    + string.Concat(tokens.Zip(probabilities, (token, probability) => $"[{token} {probability}]"))
                    + (choice["finish_reason"] is { } reason ? $"|{reason}" : "");
            }
        }

        return string.Join('\n', choices.Values) + stream[stream.TrimEnd().LastIndexOf('\n')..];
    }

    private static IEnumerable<(string Path, JsonObject Body)> Requests()
    {
        yield return ("v1/chat/completions", new JsonObject
        {
            ["messages"] = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = "What is the climate of Niger?" }), ["temperature"] = 0,
        });
        yield return ("v1/completions", new JsonObject
        {
            ["prompt"] = "The climate of", ["max_tokens"] = 40, ["seed"] = 7, ["temperature"] = 1.1, ["n"] = 3, ["logprobs"] = 2, ["stop"] = new JsonArray(". The"),
        });
        yield return ("v1/completions", new JsonObject { ["prompt"] = "x", ["max_tokens"] = 1_000_000 });
    }

    private static async Task OnlyProbesAsync(RunningServer worker)
    {
        foreach (var path in new[] { "health", "health/live", "health/ready", "metrics" })
        {
            Assert.Equal(HttpStatusCode.OK, (await worker.Http.GetAsync(path, Cancellation)).StatusCode);
        }

        Assert.Equal(HttpStatusCode.NotFound, (await worker.Http.GetAsync("v1/models", Cancellation)).StatusCode);
        using var refused = await worker.Http.PostAsJsonAsync("v1/completions", new JsonObject { ["prompt"] = "x" }, Cancellation);
        Assert.Equal(HttpStatusCode.NotFound, refused.StatusCode);
    }

    private static async Task StopAsync(RunningServer server)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no SIGTERM.");
        server.Process.Terminate();
        Assert.Equal(0, (await server.Process.WaitAsync()).Code);
    }

    private static async Task UntilStatusAsync(RunningServer server, string path, HttpStatusCode status)
    {
        var limit = Stopwatch.StartNew();
        while (true)
        {
            using var response = await server.Http.GetAsync(path, Cancellation);
            if (response.StatusCode == status)
            {
                return;
            }

            Assert.True(limit.Elapsed < TimeSpan.FromSeconds(30), $"{path} still says {response.StatusCode}: {await response.Content.ReadAsStringAsync(Cancellation)}");
            await Task.Delay(50, Cancellation);
        }
    }

    [GeneratedRegex(@"Serving \S+, [0-9.]+ s after the start")]
    private static partial Regex Serving();

    [GeneratedRegex("""(?<="(id|created|request_id)":)("[^"]*"|[0-9]+)""")]
    private static partial Regex Own();
}
