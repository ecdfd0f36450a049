using System.Net;
using System.Net.Http.Headers;
using System.Text;
using OrleansLLM.Gateway.Requests;
using OrleansLLM.Gateway.Tests.Support;

namespace OrleansLLM.Gateway.Tests;

/// <summary>Whatever goes wrong has OpenAI's shape and a status that says whose fault it is.</summary>
public sealed class ErrorTests(SharedHost shared) : IClassFixture<SharedHost>
{
    private readonly GatewayHost _host = shared.Host;

    [Theory]
    [InlineData("POST", "/v1/completions", "", 400, null)]
    [InlineData("POST", "/v1/completions", "{", 400, null)]
    [InlineData("POST", "/v1/completions", "[]", 400, null)]
    [InlineData("POST", "/v1/completions", "null", 400, null)]
    [InlineData("POST", "/v1/completions", "{\"\\ud800\":1}", 400, null)]
    [InlineData("POST", "/v1/completions", "{} {}", 400, null)]
    [InlineData("POST", "/v1/completions", "{\"prompt\":\"a\",\"model\":\"other\"}", 404, "model")]
    [InlineData("POST", "/v1/completions", "{\"prompt\":\"a\",\"model\":3}", 400, "model")]
    [InlineData("POST", "/v1/completions", "{}", 400, "prompt")]
    [InlineData("POST", "/v1/completions", "{\"prompt\":null}", 400, "prompt")]
    [InlineData("POST", "/v1/completions", "{\"prompt\":\"\",\"add_special_tokens\":false}", 400, "prompt")]
    [InlineData("POST", "/v1/completions", "{\"prompt\":[]}", 400, "prompt")]
    [InlineData("POST", "/v1/completions", "{\"prompt\":[[]]}", 400, "prompt")]
    [InlineData("POST", "/v1/completions", "{\"prompt\":[1,\"a\"]}", 400, "prompt")]
    [InlineData("POST", "/v1/completions", "{\"prompt\":[\"a\",1]}", 400, "prompt")]
    [InlineData("POST", "/v1/completions", "{\"prompt\":[273]}", 400, "prompt")]
    [InlineData("POST", "/v1/completions", "{\"prompt\":[-1]}", 400, "prompt")]
    [InlineData("POST", "/v1/completions", "{\"prompt\":[1.5]}", 400, "prompt")]
    [InlineData("POST", "/v1/completions", "{\"prompt\":{}}", 400, "prompt")]
    [InlineData("POST", "/v1/completions", "{\"prompt\":\"\\ud800\"}", 400, "prompt")]
    [InlineData("POST", "/v1/completions", "{\"prompt\":\"a\",\"n\":\"2\"}", 400, "n")]
    [InlineData("POST", "/v1/completions", "{\"prompt\":\"a\",\"n\":1.5}", 400, "n")]
    [InlineData("POST", "/v1/completions", "{\"prompt\":\"a\",\"n\":1e400}", 400, "n")]
    [InlineData("POST", "/v1/completions", "{\"prompt\":\"a\",\"temperature\":1e400}", 400, "temperature")]
    [InlineData("POST", "/v1/completions", "{\"prompt\":\"a\",\"stream\":1}", 400, "stream")]
    [InlineData("POST", "/v1/completions", "{\"prompt\":\"a\",\"echo\":\"yes\"}", 400, "echo")]
    [InlineData("POST", "/v1/completions", "{\"prompt\":\"a\",\"stop\":3}", 400, "stop")]
    [InlineData("POST", "/v1/completions", "{\"prompt\":\"a\",\"stop\":[3]}", 400, "stop")]
    [InlineData("POST", "/v1/completions", "{\"prompt\":\"a\",\"stop\":\"\\udc00\"}", 400, "stop")]
    [InlineData("POST", "/v1/completions", "{\"prompt\":\"a\",\"stop_token_ids\":3}", 400, "stop_token_ids")]
    [InlineData("POST", "/v1/completions", "{\"prompt\":\"a\",\"stop_token_ids\":[1000]}", 400, "stop_token_ids")]
    [InlineData("POST", "/v1/completions", "{\"prompt\":\"a\",\"logit_bias\":[]}", 400, "logit_bias")]
    [InlineData("POST", "/v1/completions", "{\"prompt\":\"a\",\"logit_bias\":{\"x\":1}}", 400, "logit_bias")]
    [InlineData("POST", "/v1/completions", "{\"prompt\":\"a\",\"logit_bias\":{\"1000\":1}}", 400, "logit_bias")]
    [InlineData("POST", "/v1/completions", "{\"prompt\":\"a\",\"logit_bias\":{\"1\":101}}", 400, "logit_bias")]
    [InlineData("POST", "/v1/completions", "{\"prompt\":\"a\",\"logit_bias\":{\"1\":\"x\"}}", 400, "logit_bias")]
    [InlineData("POST", "/v1/completions", "{\"prompt\":\"a\",\"allowed_token_ids\":[]}", 400, "allowed_token_ids")]
    [InlineData("POST", "/v1/completions", "{\"prompt\":\"a\",\"stream_options\":{}}", 400, "stream_options")]
    [InlineData("POST", "/v1/completions", "{\"prompt\":\"a\",\"stream\":true,\"stream_options\":3}", 400, "stream_options")]
    [InlineData("POST", "/v1/completions", "{\"prompt\":\"a\",\"stream\":true,\"stream_options\":{\"include_usage\":3}}", 400, "stream_options.include_usage")]
    [InlineData("POST", "/v1/completions", "{\"prompt\":\"a\",\"stream\":true,\"prompt_logprobs\":1}", 400, "prompt_logprobs")]
    [InlineData("POST", "/v1/completions", "{\"prompt\":\"a\",\"min_tokens\":17}", 400, "min_tokens")]
    [InlineData("POST", "/v1/completions", "{\"prompt\":\"a\",\"best_of\":2}", 400, "best_of")]
    [InlineData("POST", "/v1/completions", "{\"prompt\":\"a\",\"truncate_prompt_tokens\":0}", 400, "truncate_prompt_tokens")]
    [InlineData("POST", "/v1/completions", "{\"prompt\":\"a\",\"truncate_prompt_tokens\":-1,\"max_tokens\":200}", 400, "truncate_prompt_tokens")]
    [InlineData("POST", "/v1/chat/completions", "{}", 400, "messages")]
    [InlineData("POST", "/v1/chat/completions", "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],\"top_logprobs\":1}", 400, "top_logprobs")]
    [InlineData("POST", "/v1/chat/completions", "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],\"logprobs\":1}", 400, "logprobs")]
    [InlineData("POST", "/v1/chat/completions", "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],\"continue_final_message\":true}", 400, "continue_final_message")]
    [InlineData("POST", "/v1/chat/completions", "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],\"chat_template_kwargs\":3}", 400, "chat_template_kwargs")]
    [InlineData("POST", "/v1/chat/completions", "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],\"chat_template_kwargs\":{\"messages\":[]}}", 400, "chat_template_kwargs")]
    [InlineData("POST", "/tokenize", "{}", 400, "prompt")]
    [InlineData("POST", "/tokenize", "{\"prompt\":\"endless\"}", 400, "prompt")]
    [InlineData("POST", "/v1/completions", "{\"prompt\":[\"a\",\"endless\"]}", 400, "prompt")]
    [InlineData("POST", "/tokenize", "{\"prompt\":3}", 400, "prompt")]
    [InlineData("POST", "/tokenize", "{\"messages\":[]}", 400, "messages")]
    [InlineData("POST", "/detokenize", "{}", 400, "tokens")]
    [InlineData("POST", "/detokenize", "{\"tokens\":[1000]}", 400, "tokens")]
    [InlineData("POST", "/v1/embeddings", "{}", 404, null)]
    [InlineData("POST", "/v1/models", "{}", 405, null)]
    [InlineData("GET", "/v1/completions", "", 405, null)]
    [InlineData("POST", "/metrics", "", 405, null)]
    [InlineData("PUT", "/v1/chat/completions", "", 405, null)]
    [InlineData("GET", "/v1/models/other", "", 404, "model")]
    [InlineData("GET", "/", "", 404, null)]
    public async Task A_bad_request_is_named(string method, string path, string body, int status, string? field)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        if (method == "POST")
        {
            request.Content = new StringContent(body, Encoding.UTF8, "application/json");
        }

        var answer = await _host.SendAsync(request);
        Assert.Equal(status, answer.Status);
        AssertShape(answer);
        Assert.Equal(field, (string?)answer.Error("param"));
    }

    [Theory]
    [InlineData(RefusalReason.Invalid, 400, null)]
    [InlineData(RefusalReason.TooLong, 400, null)]
    [InlineData(RefusalReason.UnknownModel, 404, null)]
    [InlineData(RefusalReason.QueueFull, 429, "7")]
    [InlineData(RefusalReason.Unavailable, 503, "7")]
    public async Task A_refusal_has_the_generators_words(RefusalReason reason, int status, string? retryAfter)
    {
        await using var host = await GatewayHost.StartAsync();
        host.Generator.Admit = (_, _) => new(new SubmitResult.Refused(reason, "as it says", TimeSpan.FromSeconds(6.5)));
        var answer = await host.PostAsync("/v1/completions", """{"prompt":"a","stream":true}""");
        Assert.Equal(status, answer.Status);
        Assert.Equal("as it says", (string?)answer.Error("message"));
        Assert.Equal(retryAfter, answer.Headers.GetValueOrDefault("Retry-After"));
        AssertShape(answer);
    }

    [Theory]
    [InlineData(FinishReason.TimedOut, 408, null)]
    [InlineData(FinishReason.QueueTimedOut, 503, "1")]
    [InlineData(FinishReason.ShutDown, 503, "1")]
    [InlineData(FinishReason.Cancelled, 499, null)]
    [InlineData(FinishReason.Failed, 500, null)]
    [InlineData(FinishReason.NothingAllowed, 400, null)]
    [InlineData(FinishReason.BrokenLogits, 500, null)]
    [InlineData(FinishReason.Poisoned, 500, null)]
    public async Task A_sequence_without_an_answer_is_an_error(FinishReason reason, int status, string? retryAfter)
    {
        await using var host = await GatewayHost.StartAsync();
        host.Generator.Answer = (_, sample) => sample == 0
            ? new Script(['a', 'b'], new SequenceEnd(reason))
            : new Script(['a', 'b'], Gate: (i, cancellation) => i == 0 ? Task.CompletedTask : Task.Delay(Timeout.Infinite, cancellation));
        var answer = await host.PostAsync("/v1/completions", """{"prompt":"a","n":2}""");
        Assert.Equal(status, answer.Status);
        Assert.Equal(retryAfter, answer.Headers.GetValueOrDefault("Retry-After"));
        AssertShape(answer);
        await host.Generator.ReaderLeft(new SequenceId(host.Generator.Submitted.Single().Id, 1)).WaitAsync(TestContext.Current.CancellationToken);
    }

    [Theory]
    [InlineData(FinishReason.NothingAllowed, 400, "nothing_allowed", "invalid_request_error")]
    [InlineData(FinishReason.BrokenLogits, 500, "broken_logits", "server_error")]
    [InlineData(FinishReason.Poisoned, 500, "poisoned", "server_error")]
    public async Task An_end_without_a_token_has_the_engines_words(FinishReason reason, int status, string code, string type)
    {
        await using var host = await GatewayHost.StartAsync();
        host.Generator.Answer = (_, _) => new Script([], new SequenceEnd(reason, Message: "as it says"));
        var answer = await host.PostAsync("/v1/completions", """{"prompt":"a"}""");
        Assert.Equal(status, answer.Status);
        Assert.Equal(("as it says", code, type), ((string?)answer.Error("message"), (string?)answer.Error("code"), (string?)answer.Error("type")));
        host.Generator.Answer = (_, _) => new Script(['a'], new SequenceEnd(reason, Message: "as it says"));
        var stream = await host.PostAsync("/v1/completions", """{"prompt":"a","stream":true}""");
        Assert.Equal(200, stream.Status);
        Assert.Equal(("as it says", code), ((string?)stream.Chunks[^1]["error"]!["message"], (string?)stream.Chunks[^1]["error"]!["code"]));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_bug_is_a_500_that_names_the_request_and_is_logged(bool stream)
    {
        await using var host = await GatewayHost.StartAsync();
        host.Generator.Answer = (_, sample) => sample == 1
            ? throw new InvalidOperationException("broken inside")
            : new Script(['a', 'b'], Gate: (i, cancellation) => i == 0 ? Task.CompletedTask : Task.Delay(Timeout.Infinite, cancellation));
        var body = $$"""{"prompt":"secret words","n":2,"stream":{{(stream ? "true" : "false")}}}""";
        var answer = await host.PostAsync("/v1/completions", body, ("X-Request-Id", "my-id"));
        var error = stream && answer.Status == 200 ? answer.Chunks[^1]["error"]! : answer.Json["error"]!;
        Assert.Contains("my-id", (string?)error["message"], StringComparison.Ordinal);
        Assert.DoesNotContain("broken", answer.Body, StringComparison.Ordinal);
        Assert.Contains(host.Log.Lines, line => line.Contains("my-id", StringComparison.Ordinal) && line.Contains("broken inside", StringComparison.Ordinal));
        Assert.DoesNotContain(host.Log.Lines, line => line.Contains("secret", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("text/plain", null, 415)]
    [InlineData("application/json", "gzip", 415)]
    [InlineData("application/json", "identity", 200)]
    [InlineData("application/json; charset=utf-8", null, 200)]
    [InlineData("application/vnd.api+json", null, 200)]
    public async Task Only_plain_json_is_read(string type, string? encoding, int status)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/completions");
        request.Content = new ByteArrayContent("""{"prompt":"a"}"""u8.ToArray());
        request.Content.Headers.ContentType = MediaTypeHeaderValue.Parse(type);
        if (encoding is not null)
        {
            request.Content.Headers.ContentEncoding.Add(encoding);
        }

        Assert.Equal(status, (await _host.SendAsync(request)).Status);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_body_that_is_too_large_is_refused(bool chunked)
    {
        var large = new byte[Limits.BodyBytes + 1];
        large.AsSpan().Fill((byte)' ');
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/completions") { Content = new ByteArrayContent(large) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        request.Headers.TransferEncodingChunked = chunked;
        var answer = await _host.SendAsync(request);
        Assert.Equal((int)HttpStatusCode.RequestEntityTooLarge, answer.Status);
        Assert.Contains("16777216", (string?)answer.Error("message"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Limits.JsonDepth, 200)]
    [InlineData(Limits.JsonDepth + 1, 400)]
    public async Task Json_is_nested_so_deep_at_most(int depth, int status)
    {
        var nested = string.Concat(Enumerable.Repeat("[", depth - 1)) + string.Concat(Enumerable.Repeat("]", depth - 1));
        Assert.Equal(status, (await _host.PostAsync("/v1/completions", $$"""{"prompt":"a","x":{{nested}}}""")).Status);
    }

    [Fact]
    public async Task A_byte_order_mark_is_skipped() =>
        Assert.Equal(200, (await _host.PostAsync("/v1/completions", "\uFEFF{\"prompt\":\"a\"}")).Status);

    [Fact]
    public async Task Bytes_that_are_no_text_are_refused()
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/completions");
        request.Content = new ByteArrayContent([.. "{\"prompt\":\""u8, 0xFF, .. "\"}"u8]);
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        Assert.Equal(400, (await _host.SendAsync(request)).Status);
    }

    [Fact]
    public async Task Every_prefix_of_a_body_is_refused()
    {
        const string body = """{"model":"fake","prompt":["a","b"],"n":2,"temperature":0.5,"logit_bias":{"97":-1e1},"stop":["\u00e9"],"stream":false}""";
        for (var length = 0; length < body.Length; length++)
        {
            var answer = await _host.PostAsync("/v1/completions", body[..length]);
            Assert.Equal(400, answer.Status);
            AssertShape(answer);
        }

        Assert.Equal(200, (await _host.PostAsync("/v1/completions", body)).Status);
    }

    [Theory]
    [InlineData("my-id_1.2:3", "my-id_1.2:3")]
    [InlineData("bad id", null)]
    [InlineData("", null)]
    public async Task A_request_id_is_echoed_where_it_is_harmless(string given, string? echoed)
    {
        var answer = await _host.PostAsync("/v1/completions", """{"prompt":"a"}""", ("X-Request-Id", given));
        var id = answer.Headers["X-Request-Id"];
        Assert.Equal(echoed ?? id, id);
        Assert.NotEmpty(id);
        Assert.True(SpinWait.SpinUntil(
            () => _host.Log.Lines.Any(line => line.Contains("POST /v1/completions 200", StringComparison.Ordinal) && line.Contains(id, StringComparison.Ordinal)),
            TimeSpan.FromSeconds(10)));
    }

    internal static void AssertShape(Answer answer)
    {
        var error = answer.Json["error"]!.AsObject();
        Assert.NotEmpty((string)error["message"]!);
        Assert.NotEmpty((string)error["type"]!);
        Assert.True(error.ContainsKey("param") && error.ContainsKey("code"));
        Assert.Equal(answer.Headers["X-Request-Id"], (string?)error["request_id"]);
    }
}
