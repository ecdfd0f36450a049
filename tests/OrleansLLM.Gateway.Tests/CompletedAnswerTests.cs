using System.Text;
using OrleansLLM.Gateway.Tests.Support;

namespace OrleansLLM.Gateway.Tests;

/// <summary>An answer that is complete is shown and stays so, whatever becomes of its sequence behind it.</summary>
public sealed class CompletedAnswerTests
{
    private const string Stopped = """{"prompt":"a","stop":"lo","max_tokens":40}""";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_last_words_are_shown_while_the_generator_still_hears_of_the_end()
    {
        await using var host = await GatewayHost.StartAsync();
        var finished = new TaskCompletionSource<bool>();
        host.Generator.Finish = (_, _) => new(finished.Task);
        using var content = new StringContent("""{"prompt":"a","stop":"lo","stream":true}""", Encoding.UTF8, "application/json");
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/completions") { Content = content };
        using var response = await host.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancellation);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(Cancellation));
        try
        {
            string? line;
            do
            {
                line = await reader.ReadLineAsync(Cancellation).AsTask().WaitAsync(TimeSpan.FromSeconds(30), Cancellation);
            }
            while (line?.Contains("\"finish_reason\":\"stop\"", StringComparison.Ordinal) == false);

            Assert.NotNull(line);
            Assert.False(finished.Task.IsCompleted);
        }
        finally
        {
            finished.SetResult(true);
        }

        Assert.Contains("[DONE]", await reader.ReadToEndAsync(Cancellation), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(FinishReason.TimedOut)]
    [InlineData(FinishReason.QueueTimedOut)]
    [InlineData(FinishReason.Failed)]
    [InlineData(FinishReason.ShutDown)]
    public async Task An_end_in_the_range_of_the_stop_string_comes_too_late(FinishReason reason)
    {
        await using var host = await GatewayHost.StartAsync(name: $"completed-{reason}");
        host.Generator.Answer = (_, _) => new Script(
            new FakeTokenizer().Ids(" hello"), new SequenceEnd(reason, Message: "too late"), RangeLength: 100, EndPlace: EndPlace.OnLastRange);
        var answer = await host.PostAsync("/v1/completions", Stopped);
        Assert.Equal(200, answer.Status);
        Assert.Equal((" hel", "stop"), ((string?)answer.Choice()["text"], (string?)answer.Choice()["finish_reason"]));
        Assert.Empty(host.Generator.Finished);
        var metrics = await host.GetAsync("/metrics");
        Assert.Contains($"vllm:request_success_total{{engine=\"0\",finished_reason=\"stop\",model_name=\"completed-{reason}\"}} 1", metrics.Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_generator_that_does_not_hear_of_the_end_sees_the_reader_leave()
    {
        await using var host = await GatewayHost.StartAsync();
        host.Generator.Finish = (_, _) => throw new TimeoutException("no answer within 30 s");
        var answer = await host.PostAsync("/v1/completions", Stopped);
        Assert.Equal((200, "stop"), (answer.Status, (string?)answer.Choice()["finish_reason"]));
        await host.Generator.ReaderLeft(new SequenceId(host.Generator.Latest!.Id, 0)).WaitAsync(Cancellation);
    }

    [Theory]
    [InlineData("""{"prompt":"a"}""")]
    [InlineData("""{"prompt":"a","stream":true,"stream_options":{"include_usage":true}}""")]
    public async Task What_can_not_be_asked_of_complete_answers_is_left_out(string body)
    {
        await using var host = await GatewayHost.StartAsync();
        host.Generator.Describing = _ => throw new TimeoutException("no answer within 30 s");
        var answer = await host.PostAsync("/v1/completions", body);
        Assert.Equal(200, answer.Status);
        var usage = (answer.Body.StartsWith('{') ? answer.Json : answer.Chunks[^1])["usage"]!;
        Assert.True((int?)usage["completion_tokens"] > 0);
        Assert.Null(usage["prompt_tokens_details"]);
    }
}
