using System.Text.Json.Nodes;
using OrleansLLM.Gateway.Answers;
using OrleansLLM.Gateway.Tests.Support;

namespace OrleansLLM.Gateway.Tests;

/// <summary>Answers say what computed them, and where that changed.</summary>
public sealed class SystemFingerprintTests
{
    private static readonly string First = SystemFingerprint.Of("first");
    private static readonly string Second = SystemFingerprint.Of("second");

    [Theory]
    [InlineData("/v1/completions", "\"prompt\":\"a\"", 0)]
    [InlineData("/v1/chat/completions", "\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]", 1)]
    public async Task A_stream_says_another_fingerprint_from_the_token_on_that_another_engine_computed(string path, string prompt, int opening)
    {
        await using var host = await GatewayHost.StartAsync();
        Move(host.Generator);
        var chunks = (await host.PostAsync(path, $"{{{prompt},\"stream\":true,\"stream_options\":{{\"include_usage\":true}}}}")).Chunks;

        string?[] expected = [.. Enumerable.Repeat(First, opening + 2), Second, Second];
        Assert.Equal(expected, chunks.Where(chunk => chunk["choices"]!.AsArray().Count > 0).Select(Fingerprint).Take(expected.Length));
        Assert.Null(Fingerprint(chunks[^1]));
    }

    [Theory]
    [InlineData("/v1/completions", "\"prompt\":\"a\"")]
    [InlineData("/v1/chat/completions", "\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]")]
    public async Task A_whole_answer_says_all_in_their_order(string path, string prompt)
    {
        await using var host = await GatewayHost.StartAsync();
        Move(host.Generator);
        Assert.Equal($"{First},{Second}", Fingerprint((await host.PostAsync(path, $"{{{prompt},\"n\":2}}")).Json));
        host.Generator.FingerprintOf = _ => "first";
        Assert.Equal(First, Fingerprint((await host.PostAsync(path, $"{{{prompt}}}")).Json));
        host.Generator.FingerprintOf = _ => null;
        Assert.DoesNotContain("system_fingerprint", (await host.PostAsync(path, $"{{{prompt}}}")).Body, StringComparison.Ordinal);
    }

    [Fact]
    public void It_is_short_and_says_nothing_of_the_model()
    {
        Assert.Matches("^fp_[0-9a-f]{10}$", First);
        Assert.NotEqual(First, Second);
        Assert.Equal(First, SystemFingerprint.Of("first"));
    }

    /// <summary>Two tokens by one engine, the others by another.</summary>
    private static void Move(FakeGenerator generator)
    {
        generator.Answer = (_, _) => new Script(['a', 'b', 'c', 'd']);
        generator.FingerprintOf = range => range < 2 ? "first" : "second";
    }

    private static string? Fingerprint(JsonNode answer) => (string?)answer["system_fingerprint"];
}
