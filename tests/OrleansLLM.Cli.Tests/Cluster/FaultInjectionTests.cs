using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using OrleansLLM.Testing;

namespace OrleansLLM.Cli.Tests.Cluster;

/// <summary>Prompts that kill or hang the workers that compute them.</summary>
public sealed class FaultInjectionTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("orleansllm-fault-kill")]
    [InlineData("orleansllm-fault-hang")]
    public async Task Of_twenty_requests_with_one_poison_among_them_exactly_that_one_fails(string poison)
    {
        await using var silos = new SiloProcesses();
        var gateway = await silos.StartAsync("gateway");
        await Task.WhenAll(Enumerable.Range(1, 3).Select(worker => silos.StartAsync("worker", $"worker-{worker}", "--fault-injection")));
        await gateway.Process.WaitForAsync(new("Serving atlas"));
        while (JsonNode.Parse(await gateway.Http.GetStringAsync("v1/cluster", Cancellation))!["workers"]!.AsArray().Count(worker => (string?)worker!["phase"] == "ready") < 3)
        {
            await Task.Delay(50, Cancellation);
        }

        var undisturbed = await Task.WhenAll(Enumerable.Range(0, 20).Select(request => AskAsync(gateway, Prompt(request))));

        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(request => AskAsync(gateway, request == 7 ? $"{Prompt(7)} {poison}" : Prompt(request))));

        Assert.Equal(
            (HttpStatusCode.InternalServerError, "Two workers in turn stopped under this request without a new token between them. It may be what stopped them, so it is not given to a third."),
            answers[7]);
        Assert.All(Enumerable.Range(0, 20).Where(request => request != 7), request => Assert.Equal(undisturbed[request], answers[request]));
        Assert.All(undisturbed, answer => Assert.Equal(HttpStatusCode.OK, answer.Status));
    }

    [Fact]
    public async Task A_server_says_at_its_start_that_faults_can_be_injected_and_without_the_option_they_can_not()
    {
        await using (var faulty = await RunningServer.StartReadyAsync(ReferenceData.Atlas, "--fault-injection"))
        {
            await faulty.Process.WaitForAsync(new("Faults can be injected: a prompt with orleansllm-fault-kill in it ends this process"));
        }

        await using var server = await RunningServer.StartReadyAsync(ReferenceData.Atlas);
        Assert.Equal(HttpStatusCode.OK, (await AskAsync(server, "x orleansllm-fault-kill")).Status);
        Assert.DoesNotContain("Faults can be injected", server.Process.Output + server.Process.Errors, StringComparison.Ordinal);
    }

    private static string Prompt(int request) => FormattableString.Invariant($"{request} rivers of the land");

    /// <summary>The text of the answer, or of the error.</summary>
    private static async Task<(HttpStatusCode Status, string Text)> AskAsync(RunningServer server, string prompt)
    {
        using var response = await server.Http.PostAsJsonAsync(
            "v1/completions", new JsonObject { ["prompt"] = prompt, ["max_tokens"] = 300, ["ignore_eos"] = true, ["seed"] = 3, ["temperature"] = 1 }, Cancellation);
        var answer = JsonNode.Parse(await response.Content.ReadAsStringAsync(Cancellation))!;
        return (response.StatusCode, (string?)answer["choices"]?[0]?["text"] ?? (string)answer["error"]!["message"]!);
    }
}
