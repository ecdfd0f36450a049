using System.Buffers.Binary;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using OrleansLLM.Testing;

namespace OrleansLLM.Cli.Tests;

/// <summary>Requests that leave no token to draw, and models whose weights are damaged, from the program as users run it.</summary>
public sealed class NoTokenTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("damaged-").FullName;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_request_that_allows_nothing_is_refused_and_the_next_one_is_answered()
    {
        await using var server = await RunningServer.StartReadyAsync(ReferenceData.Atlas);
        foreach (var limits in new[]
        {
            """{"allowed_token_ids":[3],"min_tokens":3}""",
            """{"allowed_token_ids":[3],"min_tokens":3,"temperature":0,"n":3}""",
            """{"allowed_token_ids":[300,301],"logit_bias":{"300":-100,"301":-100}}""",
            """{"allowed_token_ids":[300],"logit_bias":{"300":-100},"top_k":5,"temperature":1}""",
        })
        {
            var body = JsonNode.Parse(limits)!;
            (body["prompt"], body["max_tokens"]) = ("The climate", 8);
            var (status, answer) = await PostAsync(server, body);
            Assert.Equal(HttpStatusCode.BadRequest, status);
            Assert.Contains("\"nothing_allowed\"", answer, StringComparison.Ordinal);
            Assert.Contains("Allow another token, or lower min_tokens.", answer, StringComparison.Ordinal);
        }

        var question = await server.PostAsync("v1/chat/completions", ServeTests.Question("What is the climate of Niger?"));
        Assert.Equal("The climate of Niger is desert.", question["choices"]![0]!["message"]!["content"]!.GetValue<string>());
    }

    [Theory]
    [InlineData("model.embed_tokens.weight", 0x7FC0)]
    [InlineData("model.layers.3.self_attn.q_proj.weight", 0x7FC0)]
    [InlineData("model.layers.5.mlp.down_proj.weight", 0x7F80)]
    [InlineData("model.layers.0.self_attn.v_proj.weight", 0xFF80)]
    public async Task A_damaged_weight_is_a_500_that_names_the_model(string tensor, int bits)
    {
        await using var server = await RunningServer.StartReadyAsync(Damaged(tensor, (ushort)bits), "--served-model-name", "hurt");
        foreach (var body in new[] { """{"prompt":"The climate"}""", """{"prompt":"The climate","echo":true,"logprobs":2,"max_tokens":0}""" })
        {
            var (status, answer) = await PostAsync(server, JsonNode.Parse(body)!);
            Assert.Equal(HttpStatusCode.InternalServerError, status);
            Assert.Contains("The model `hurt` computed logits that are no numbers", answer, StringComparison.Ordinal);
        }

        Assert.Contains("the weights of hurt are damaged", server.Process.Output, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static async Task<(HttpStatusCode Status, string Answer)> PostAsync(RunningServer server, JsonNode body)
    {
        using var response = await server.Http.PostAsJsonAsync("v1/completions", body, Cancellation);
        return (response.StatusCode, await response.Content.ReadAsStringAsync(Cancellation));
    }

    /// <summary>The bundled model with these bits in every row of a tensor of its.</summary>
    private string Damaged(string tensor, ushort bits)
    {
        foreach (var file in Directory.EnumerateFiles(ReferenceData.Atlas))
        {
            File.Copy(file, Path.Combine(_folder, Path.GetFileName(file)));
        }

        var path = Path.Combine(_folder, "model.safetensors");
        var bytes = File.ReadAllBytes(path);
        var header = (int)BinaryPrimitives.ReadInt64LittleEndian(bytes);
        var entry = JsonNode.Parse(bytes.AsSpan(8, header))![tensor]!;
        var (first, end) = (8 + header + (int)entry["data_offsets"]![0]!, 8 + header + (int)entry["data_offsets"]![1]!);
        var row = entry["shape"]!.AsArray().Count == 1 ? end - first : 2 * (int)entry["shape"]![1]!;
        for (var at = first; at < end; at += row)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(at), bits);
        }

        File.WriteAllBytes(path, bytes);
        return _folder;
    }
}
