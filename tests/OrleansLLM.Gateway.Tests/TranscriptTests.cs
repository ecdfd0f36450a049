using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;
using OrleansLLM.Gateway.Tests.Support;

namespace OrleansLLM.Gateway.Tests;

/// <summary>Bytes in, bytes out. Ids, times and Kestrel's own headers are masked.</summary>
public sealed partial class TranscriptTests
{
    [Fact]
    public async Task A_completion_streams_an_event_a_token()
    {
        await using var host = await GatewayHost.StartAsync();
        var answer = await ExchangeAsync(
            host,
            "POST /v1/completions HTTP/1.0\r\nHost: x\r\nX-Request-Id: my-id\r\nContent-Type: application/json\r\nContent-Length: 61\r\n\r\n"
            + """{"model":"fake","prompt":"Hi","stream":true,"max_tokens":2  }""");
        Assert.Equal(
            """
            HTTP/1.1 200 OK
            Connection: close
            Content-Type: text/event-stream; charset=utf-8
            Cache-Control: no-cache
            X-Request-Id: my-id
            Orleansllm-Id: cmpl-ID
            X-Accel-Buffering: no

            id: cmpl-ID:1:0:F
            data: {"id":"cmpl-ID","created":TIME,"model":"fake","choices":[{"index":0,"text":" hello","logprobs":null,"finish_reason":null}],"object":"text_completion"}

            id: cmpl-ID:1:0:J
            data: {"id":"cmpl-ID","created":TIME,"model":"fake","choices":[{"index":0,"text":" world","logprobs":null,"finish_reason":null}],"object":"text_completion"}

            id: cmpl-ID:1:0:L
            data: {"id":"cmpl-ID","created":TIME,"model":"fake","choices":[{"index":0,"text":"","logprobs":null,"finish_reason":"length"}],"object":"text_completion"}

            id: cmpl-ID:1:0:L
            data: [DONE]


            """,
            answer);
    }

    [Fact]
    public async Task A_chat_streams_its_role_its_tokens_and_its_usage()
    {
        await using var host = await GatewayHost.StartAsync();
        var answer = await ExchangeAsync(
            host,
            "POST /v1/chat/completions HTTP/1.0\r\nHost: x\r\nX-Request-Id: my-id\r\nContent-Type: application/json\r\nContent-Length: 114\r\n\r\n"
            + """{"model":"fake","messages":[{"role":"user","content":"Hi"}],"stream":true,"stream_options":{"include_usage":true}}""");
        Assert.Equal(
            """
            HTTP/1.1 200 OK
            Connection: close
            Content-Type: text/event-stream; charset=utf-8
            Cache-Control: no-cache
            X-Request-Id: my-id
            Orleansllm-Id: chatcmpl-ID
            X-Accel-Buffering: no

            id: chatcmpl-ID:1:0:B
            data: {"id":"chatcmpl-ID","created":TIME,"model":"fake","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null,"logprobs":null}],"object":"chat.completion.chunk"}

            id: chatcmpl-ID:1:0:F
            data: {"id":"chatcmpl-ID","created":TIME,"model":"fake","choices":[{"index":0,"delta":{"content":" hello"},"finish_reason":null,"logprobs":null}],"object":"chat.completion.chunk"}

            id: chatcmpl-ID:1:0:J
            data: {"id":"chatcmpl-ID","created":TIME,"model":"fake","choices":[{"index":0,"delta":{"content":" world"},"finish_reason":null,"logprobs":null}],"object":"chat.completion.chunk"}

            id: chatcmpl-ID:1:0:P
            data: {"id":"chatcmpl-ID","created":TIME,"model":"fake","choices":[{"index":0,"delta":{},"finish_reason":"stop","logprobs":null}],"object":"chat.completion.chunk"}

            id: chatcmpl-ID:1:1:P
            data: {"id":"chatcmpl-ID","created":TIME,"model":"fake","choices":[],"object":"chat.completion.chunk","usage":{"prompt_tokens":5,"completion_tokens":3,"total_tokens":8,"prompt_tokens_details":{"cached_tokens":3}}}

            id: chatcmpl-ID:1:1:P
            data: [DONE]


            """,
            answer);
    }

    [Fact]
    public async Task A_wrong_body_is_an_error_with_the_request_id()
    {
        await using var host = await GatewayHost.StartAsync();
        var answer = await ExchangeAsync(
            host,
            "POST /v1/completions HTTP/1.0\r\nHost: x\r\nX-Request-Id: my-id\r\nContent-Type: application/json\r\nContent-Length: 37\r\n\r\n"
            + """{"model":"fake","prompt":"Hi","n":0 }""");
        Assert.Equal(
            """
            HTTP/1.1 400 Bad Request
            Content-Length: 147
            Connection: close
            Content-Type: application/json
            X-Request-Id: my-id

            {"error":{"message":"`n` must be an integer from 1 to 128, but is 0.","type":"invalid_request_error","param":"n","code":null,"request_id":"my-id"}}
            """,
            answer);
    }

    private static async Task<string> ExchangeAsync(GatewayHost host, string request)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(host.Address.Host, host.Address.Port, TestContext.Current.CancellationToken);
        var stream = client.GetStream();
        await stream.WriteAsync(Encoding.UTF8.GetBytes(request), TestContext.Current.CancellationToken);
        using var reader = new StreamReader(stream);
        var text = (await reader.ReadToEndAsync(TestContext.Current.CancellationToken)).ReplaceLineEndings("\n");
        text = ServerHeaders().Replace(text, "");
        return Time().Replace(Id().Replace(text, "-ID"), "\"created\":TIME");
    }

    [GeneratedRegex("(?m)^(Date|Server): .*\n")]
    private static partial Regex ServerHeaders();

    [GeneratedRegex("-[0-9a-f]{32}(?=[\":\n])")]
    private static partial Regex Id();

    [GeneratedRegex("\"created\":[0-9]+")]
    private static partial Regex Time();
}
