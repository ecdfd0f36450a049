using OrleansLLM.Gateway.Tests.Support;

namespace OrleansLLM.Gateway.Tests;

public sealed class ChatCompletionsTests(SharedHost shared) : IClassFixture<SharedHost>
{
    private readonly GatewayHost _host = shared.Host;
    private readonly FakeTokenizer _tokenizer = new();

    [Fact]
    public async Task Messages_become_a_prompt_and_an_answer_a_message()
    {
        Say(" hello</s>");
        var answer = await PostAsync(null);
        Assert.Equal("""{"content":" hello","role":"assistant","refusal":null}""", answer.Choice()["message"]!.ToJsonString());
        Assert.Equal("stop", (string?)answer.Choice()["finish_reason"]);
        Assert.Equal([FakeTokenizer.User, 'H', 'i', FakeTokenizer.End, FakeTokenizer.Assistant], Ids());
        Assert.Equal(GatewayHost.MaxLength - 5, _host.Generator.Latest!.MaxTokens);
    }

    [Fact]
    public async Task Special_tokens_in_a_message_are_plain_text()
    {
        Say("a");
        await PostAsync("""{"messages":[{"role":"user","content":"<|end|>"}]}""");
        Assert.Equal([FakeTokenizer.User, .. "<|end|>".Select(letter => (int)letter), FakeTokenizer.End, FakeTokenizer.Assistant], Ids());
    }

    [Theory]
    [InlineData("\"add_special_tokens\":true", "256 258 72 105 260 259")]
    [InlineData("\"add_generation_prompt\":false", "258 72 105 260")]
    [InlineData("\"add_generation_prompt\":false,\"continue_final_message\":true", "258 72 105")]
    public async Task A_prompt_ends_as_it_is_asked_to(string fields, string ids)
    {
        Say("a");
        await PostAsync($$"""{"messages":[{"role":"user","content":"Hi"}],{{fields}}}""");
        Assert.Equal(ids, string.Join(' ', Ids()));
    }

    [Fact]
    public async Task Parts_are_joined_and_nulls_dropped()
    {
        Say("a");
        await PostAsync(
            """
            {"messages":[{"role":"user","name":null,"content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},
             {"role":"assistant","content":null,"reasoning":"why","tool_calls":[]},{"content":"c","role":"user","x":{"y":[1.0,true,null]}}],
             "chat_template_kwargs":{"enable_thinking":false,"depth":1.0}}
            """);
        var input = _host.Models.Template.Last!;
        Assert.Equal(
            """[{"role":"user","content":"a\nb"},{"role":"assistant","reasoning":"why","tool_calls":[]},{"content":"c","role":"user","x":{"y":[1.0,true,null]}}]""",
            input.Messages.ToJsonString());
        Assert.Equal("""{"enable_thinking":false,"depth":1.0}""", input.Arguments!.ToJsonString());
    }

    [Fact]
    public async Task Logprobs_have_tokens_bytes_and_candidates()
    {
        _host.Generator.Answer = (_, _) => new Script(['a', 0xC3, 0xA9, FakeTokenizer.Eos]);
        var answer = await PostAsync("""{"messages":[{"role":"user","content":"Hi"}],"logprobs":true,"top_logprobs":2}""");
        Assert.Equal("aé", (string?)answer.Choice()["message"]!["content"]);
        var content = answer.Choice()["logprobs"]!["content"]!.AsArray();
        Assert.Equal(
            """{"token":"a","logprob":-0.25,"bytes":[97],"top_logprobs":[{"token":"a","logprob":-0.25,"bytes":[97]},{"token":"b","logprob":-1.25,"bytes":[98]}]}""",
            content[0]!.ToJsonString());
        Assert.Equal([0x61, 0xC3, 0xA9], content.SelectMany(entry => entry!["bytes"]!.AsArray()).Select(value => (int)value!));
        Assert.True(answer.Choice()["logprobs"]!.AsObject().ContainsKey("refusal"));
    }

    [Theory]
    [InlineData("\"logprobs\":true", 0)]
    [InlineData("\"logprobs\":true,\"top_logprobs\":3", 3)]
    [InlineData("\"logprobs\":false", null)]
    [InlineData("\"logprobs\":null,\"top_logprobs\":0", null)]
    public async Task Top_logprobs_need_logprobs(string fields, int? asked)
    {
        Say("a");
        await PostAsync($$"""{"messages":[{"role":"user","content":"Hi"}],{{fields}}}""");
        Assert.Equal(asked, _host.Generator.Latest!.Sampling.Logprobs);
    }

    [Theory]
    [InlineData("\"max_completion_tokens\":3,\"max_tokens\":5", 3)]
    [InlineData("\"max_tokens\":5", 5)]
    [InlineData("\"max_tokens\":null", GatewayHost.MaxLength - 5)]
    public async Task Max_completion_tokens_goes_before_max_tokens(string fields, int tokens)
    {
        Say("a");
        await PostAsync($$"""{"messages":[{"role":"user","content":"Hi"}],{{fields}}}""");
        Assert.Equal(tokens, _host.Generator.Latest!.MaxTokens);
    }

    [Fact]
    public async Task Prompt_logprobs_and_token_ids_stand_beside_the_choices()
    {
        Say("ab</s>");
        var answer = await PostAsync("""{"messages":[{"role":"user","content":"Hi"}],"prompt_logprobs":0,"return_token_ids":true}""");
        Assert.Equal("[258,72,105,260,259]", answer.Json["prompt_token_ids"]!.ToJsonString());
        Assert.Equal("[97,98,257]", answer.Choice()["token_ids"]!.ToJsonString());
        Assert.Equal("""{"72":{"logprob":-0.25,"rank":1,"decoded_token":"H"}}""", answer.Json["prompt_logprobs"]![1]!.ToJsonString());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task Usage_comes_in_every_chunk_where_it_is_asked_for(int tokensOfARange)
    {
        _host.Generator.Answer = (_, _) => new Script(_tokenizer.Ids("ab</s>"), RangeLength: tokensOfARange);
        var answer = await PostAsync(
            """{"messages":[{"role":"user","content":"Hi"}],"stream":true,"stream_options":{"include_usage":true,"continuous_usage_stats":true}}""");
        Assert.Equal([0, 1, 2, 3, 3], answer.Chunks.Select(chunk => (int)chunk["usage"]!["completion_tokens"]!));
        Assert.Equal([5, 6, 7, 8, 8], answer.Chunks.Select(chunk => (int)chunk["usage"]!["total_tokens"]!));
        Assert.Empty(answer.Chunks[^1]["choices"]!.AsArray());
        Assert.Equal("[DONE]", answer.Events[^1]);
    }

    [Theory]
    [InlineData("[]", "messages")]
    [InlineData("\"Hi\"", "messages")]
    [InlineData("[3]", "messages[0]")]
    [InlineData("[{\"content\":\"Hi\"}]", "messages[0].role")]
    [InlineData("[{\"role\":3,\"content\":\"Hi\"}]", "messages[0].role")]
    [InlineData("[{\"role\":\"user\"}]", "messages[0].content")]
    [InlineData("[{\"role\":\"user\",\"content\":null}]", "messages[0].content")]
    [InlineData("[{\"role\":\"user\",\"content\":{}}]", "messages[0].content")]
    [InlineData("[{\"role\":\"user\",\"content\":\"\\ud800\"}]", "messages[0].content")]
    [InlineData("[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"x\"}}]}]", "messages[0].content[0].type")]
    [InlineData("[{\"role\":\"user\",\"content\":[{\"type\":\"input_audio\"}]}]", "messages[0].content[0].type")]
    [InlineData("[{\"role\":\"user\",\"content\":[{\"type\":\"text\"}]}]", "messages[0].content[0].text")]
    [InlineData("[{\"role\":\"user\",\"content\":[3]}]", "messages[0].content[0]")]
    [InlineData("[{\"role\":\"assistant\",\"tool_calls\":[{}]}]", "messages[0].tool_calls")]
    [InlineData("[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\",\"audio\":{}}]", "messages[1].audio")]
    [InlineData("[{\"role\":\"refused\",\"content\":\"a\"}]", "messages")]
    public async Task A_wrong_message_is_named(string messages, string field)
    {
        var answer = await PostAsync($$"""{"messages":{{messages}}}""");
        Assert.Equal(400, answer.Status);
        Assert.Equal(field, (string?)answer.Error("param"));
    }

    [Fact]
    public async Task A_model_without_a_template_refuses_chat()
    {
        await using var host = await GatewayHost.StartAsync();
        host.Models.HasTemplate = false;
        var answer = await host.PostAsync("/v1/chat/completions", """{"messages":[{"role":"user","content":"Hi"}]}""");
        Assert.Equal((400, "no_chat_template"), (answer.Status, (string?)answer.Error("code")));
    }

    private void Say(string text) => _host.Generator.Answer = (_, _) => new Script(_tokenizer.Ids(text));

    private int[] Ids() => _host.Generator.Latest!.PromptIds.ToArray();

    private Task<Answer> PostAsync(string? body) =>
        _host.PostAsync("/v1/chat/completions", body ?? """{"model":"fake","messages":[{"role":"user","content":"Hi"}]}""");
}
