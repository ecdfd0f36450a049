using OrleansLLM.Gateway.Tests.Support;

namespace OrleansLLM.Gateway.Tests;

public sealed class UnbuiltFieldsTests(SharedHost shared) : IClassFixture<SharedHost>
{
    private readonly GatewayHost _host = shared.Host;

    [Theory]
    [InlineData("tools", """[{"type":"function"}]""")]
    [InlineData("tool_choice", "\"auto\"")]
    [InlineData("tool_choice", "{}")]
    [InlineData("functions", "[{}]")]
    [InlineData("function_call", "\"auto\"")]
    [InlineData("response_format", """{"type":"json_object"}""")]
    [InlineData("response_format", """{"type":"json_schema","json_schema":{}}""")]
    [InlineData("response_format", "3")]
    [InlineData("structured_outputs", """{"regex":"a"}""")]
    [InlineData("guided_json", "{}")]
    [InlineData("guided_regex", "\"a\"")]
    [InlineData("guided_choice", "[\"a\"]")]
    [InlineData("guided_grammar", "\"a\"")]
    [InlineData("logits_processors", "[\"a\"]")]
    [InlineData("use_beam_search", "true")]
    [InlineData("suffix", "\"a\"")]
    [InlineData("best_of", "3")]
    [InlineData("modalities", "[\"text\",\"audio\"]")]
    [InlineData("audio", "{}")]
    [InlineData("truncation_side", "\"right\"")]
    public async Task What_is_not_built_is_refused_by_name(string field, string value)
    {
        var answer = await _host.PostAsync("/v1/chat/completions", Body($"\"{field}\":{value}"));
        Assert.Equal(400, answer.Status);
        Assert.Equal(field, (string?)answer.Error("param"));
        Assert.Contains($"`{field}`", (string?)answer.Error("message"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"tools\":[],\"functions\":[],\"tool_choice\":\"none\",\"function_call\":\"none\"")]
    [InlineData("\"tools\":null,\"tool_choice\":null,\"response_format\":null,\"suffix\":null,\"use_beam_search\":null,\"guided_json\":null")]
    [InlineData("\"response_format\":{\"type\":\"text\"},\"use_beam_search\":false,\"modalities\":[\"text\"],\"best_of\":1,\"suffix\":\"\"")]
    [InlineData("\"user\":\"me\",\"store\":true,\"metadata\":{},\"spaces_between_special_tokens\":false,\"no_such_field\":[{}]")]
    [InlineData("\"n\":null,\"stop\":null,\"stream\":null,\"stream_options\":null,\"seed\":null,\"logit_bias\":null,\"temperature\":null,\"max_tokens\":null")]
    public async Task What_asks_for_nothing_passes(string fields) =>
        Assert.Equal(200, (await _host.PostAsync("/v1/chat/completions", Body(fields))).Status);

    private static string Body(string fields) => $$"""{"messages":[{"role":"user","content":"Hi"}],{{fields}}}""";
}
