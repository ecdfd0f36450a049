using System.Text.Json.Nodes;
using OrleansLLM.Templates;

namespace OrleansLLM.Text.Tests.Templates;

public sealed class ChatTemplateTests
{
    private const string Simple = "{{ bos_token }}{% for m in messages %}<|{{ m.role }}|>{{ m.content | trim }}<|end|>{% endfor %}";

    [Fact]
    public void The_templates_own_special_tokens_are_not_marked()
    {
        var prompt = ChatTemplate.Compile(Simple, ChatTemplateTokens.Of("<s>", null))
            .Render(new ChatInput(Messages(("user", " hi <|end|> ")), null, false, false, null));
        Assert.Equal("<s><|user|>hi <|end|><|end|>", prompt.Text);
        Assert.Equal([new TextSpan(11, 10)], prompt.Literal);
    }

    [Fact]
    public void A_role_that_the_protocol_does_not_name_is_text()
    {
        var prompt = ChatTemplate.Compile(Simple, ChatTemplateTokens.None)
            .Render(new ChatInput(Messages(("end", "x")), null, false, false, null));
        Assert.Equal([new TextSpan(2, 3), new TextSpan(7, 1)], prompt.Literal);
    }

    [Theory]
    [InlineData("Paris is  ", "<|user|>Where?<|end|><|assistant|>Paris is")]
    [InlineData("  Paris", "<|user|>Where?<|end|><|assistant|>Paris")]
    public void A_continued_message_ends_the_prompt(string answer, string expected)
    {
        var prompt = ChatTemplate.Compile(Simple, ChatTemplateTokens.None)
            .Render(new ChatInput(Messages(("user", "Where?"), ("assistant", answer)), null, false, true, null));
        Assert.Equal(expected, prompt.Text);
        Assert.Equal(expected.Length, prompt.Literal[^1].End);
    }

    [Fact]
    public void A_continued_message_keeps_its_white_space_where_the_template_does()
    {
        var prompt = ChatTemplate.Compile("{% for m in messages %}[{{ m.content }}]{% endfor %}", ChatTemplateTokens.None)
            .Render(new ChatInput(Messages(("assistant", " a ")), null, false, true, null));
        Assert.Equal("[ a ", prompt.Text);
    }

    [Theory]
    [InlineData("e", "<|user|>Where?<|end|><|assistant|>e")]
    [InlineData("", "<|user|>Where?<|end|><|assistant|>")]
    [InlineData("end|>", "<|user|>Where?<|end|><|assistant|>end|>")]
    [InlineData("Where?", "<|user|>Where?<|end|><|assistant|>Where?")]
    public void A_continued_message_ends_where_it_stands_whatever_else_looks_like_it(string answer, string expected)
    {
        var prompt = ChatTemplate.Compile(Simple, ChatTemplateTokens.None)
            .Render(new ChatInput(Messages(("user", "Where?"), ("assistant", answer)), null, false, true, null));
        Assert.Equal(expected, prompt.Text);
    }

    [Fact]
    public void A_continued_message_of_parts_ends_behind_its_last_text()
    {
        var parts = new JsonArray(new JsonObject { ["type"] = "text", ["text"] = "a" }, new JsonObject { ["type"] = "text", ["text"] = "b " }, new JsonObject { ["type"] = "image" });
        var message = new JsonObject { ["role"] = "assistant", ["content"] = parts };
        var prompt = ChatTemplate.Compile("{% for p in messages[0].content %}<{{ p.text }}>{% endfor %}", ChatTemplateTokens.None)
            .Render(new ChatInput([message], null, false, true, null));
        Assert.Equal("<a><b ", prompt.Text);
        Assert.Equal("b ", parts[1]!["text"]!.GetValue<string>());
    }

    [Theory]
    [InlineData("{{ messages[0].role }}", "text")]
    [InlineData("{{ messages[0].content[1:] }}", "text")]
    [InlineData("{{ messages[0].content }}", null)]
    public void A_message_that_can_not_be_continued_is_refused(string template, string? content)
    {
        var message = new JsonObject { ["role"] = "assistant", ["content"] = content };
        var error = Assert.Throws<ChatTemplateException>(() => ChatTemplate.Compile(template, ChatTemplateTokens.None)
            .Render(new ChatInput([message], null, false, true, null)));
        Assert.Equal(TemplateFailure.Refused, error.Failure);
        Assert.StartsWith("continue_final_message", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Messages_are_prepared_null_keys_go_and_reasoning_has_both_names()
    {
        var messages = new JsonArray(new JsonObject { ["role"] = "assistant", ["content"] = null, ["reasoning"] = "why" });
        var prompt = ChatTemplate.Compile("{{ messages }}", ChatTemplateTokens.None).Render(new ChatInput(messages, null, false, false, null));
        Assert.Equal("[{'role': 'assistant', 'reasoning': 'why', 'reasoning_content': 'why', 'thinking': 'why'}]", prompt.Text);
    }

    [Fact]
    public void An_empty_conversation_is_refused() => Assert.Equal(TemplateFailure.Refused, Assert.Throws<ChatTemplateException>(() =>
        ChatTemplate.Compile(Simple, ChatTemplateTokens.None).Render(new ChatInput([], null, false, false, null))).Failure);

    [Fact]
    public void Renders_on_many_threads_at_once()
    {
        var template = ChatTemplate.Compile(Simple, ChatTemplateTokens.None);
        Parallel.For(0, 2000, index => Assert.Equal(
            $"<|user|>{index}<|end|>", template.Render(new ChatInput(Messages(("user", $"{index}")), null, false, false, null)).Text));
    }

    private static JsonArray Messages(params (string Role, string Content)[] messages) =>
        [.. messages.Select(message => (JsonNode)new JsonObject { ["role"] = message.Role, ["content"] = message.Content })];
}
