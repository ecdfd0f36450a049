using Microsoft.Extensions.Logging;
using OrleansLLM.Gateway.Tests.Support;

namespace OrleansLLM.Gateway.Tests;

/// <summary>What is written down: that somebody asked, and what came of it; never the words.</summary>
public sealed class LogTests
{
    private const string Secret = "xyzzy";

    private static readonly (string Path, string Body)[] Requests =
    [
        ("/v1/completions", """{"prompt":"xyzzy"}"""),
        ("/v1/completions", """{"prompt":["a","xyzzy"],"stream":true,"echo":true,"logprobs":1}"""),
        ("/v1/completions", """{"prompt":"a","stop":"xyzzy","bad_words":["xyzzy"],"user":"xyzzy","cache_salt":"xyzzy"}"""),
        ("/v1/completions", """{"prompt":"xyzzy","n":0}"""),
        ("/v1/completions", """{"prompt":"xyzzy","max_tokens":1000}"""),
        ("/v1/completions", """{"prompt":"xyzzy" "n":0}"""),
        ("/v1/completions", """{"prompt":{"xyzzy":"xyzzy"}}"""),
        ("/v1/chat/completions", """{"messages":[{"role":"user","content":"xyzzy"}],"stream":true}"""),
        ("/v1/chat/completions", """{"messages":[{"role":"refused","content":"xyzzy"}]}"""),
        ("/v1/chat/completions", """{"messages":[{"role":"user","content":"xyzzy","xyzzy":"\ud800"}]}"""),
        ("/tokenize", """{"prompt":"xyzzy","return_token_strs":true}"""),
        ("/detokenize", """{"tokens":[120,121,122,122,121]}"""),
    ];

    [Fact]
    public async Task Not_even_the_finest_log_holds_what_was_asked_or_answered()
    {
        await using var host = await GatewayHost.StartAsync(leastLogged: LogLevel.Trace);
        host.Generator.Answer = (_, _) => new Script(new FakeTokenizer().Ids("the xyzzy</s>"));
        foreach (var (path, body) in Requests)
        {
            await host.PostAsync(path, body, ("X-Request-Id", "id-of-it"));
        }

        host.Generator.Answer = (_, _) => throw new InvalidOperationException("broken inside");
        await host.PostAsync("/v1/completions", Requests[0].Body, ("X-Request-Id", "id-of-it"));
        Assert.Contains(host.Log.Lines, line => line.StartsWith("Trace:", StringComparison.Ordinal));
        Assert.Equal(Requests.Length + 1, host.Log.Lines.Count(line => line.Contains("ms, request id-of-it", StringComparison.Ordinal)));
        Assert.DoesNotContain(host.Log.Lines, line => line.Contains(Secret, StringComparison.Ordinal));
    }
}
