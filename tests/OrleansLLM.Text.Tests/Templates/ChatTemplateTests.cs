using System.Text.Json.Nodes;
using OrleansLLM.Text.Templates;

namespace OrleansLLM.Text.Tests.Templates;

public sealed class ChatTemplateTests
{
    private const string Simple = "{{ bos_token }}{% for m in messages %}<|{{ m.role }}|>{{ m.content | trim }}<|end|>{% endfor %}";

    [Theory]
    [InlineData("{{ x }}", "a<|im_end|>b")]
    [InlineData("{{ x | trim }}", "  <|im_end|>\n")]
    [InlineData("<|im_end|>{{ x[1:4] }}<|im_end|>", "a<|im_end|>b")]
    [InlineData("{{ x.split('b')[0] + '</think>' }}", "a<|im_end|></think>b")]
    [InlineData("{{ x.replace('b', '<|im_end|>') }}", "ab<|im_end|>b")]
    [InlineData("{{ [x, x] | join('<|im_end|>') }}", "<|im_end|>")]
    [InlineData("{{ x | upper | lower | title }}", "<|im_end|>ß")]
    [InlineData("{{ {'k': [x]} | tojson }}", "\"<|im_end|>\"\n")]
    [InlineData("{{ x[::-1] }}{{ x | reverse }}", "🙂>|dne_mi|<")]
    [InlineData("{% set y %}<|im_end|>{{ x }}{% endset %}{{ y | indent(2, true) }}", "<|im_end|>\n</think>")]
    [InlineData("{% macro f(a) %}{{ a }}</think>{% endmacro %}{{ f(x) * 2 }}", "</think>")]
    [InlineData("{{ '%s</think>' % x }}{{ '{}</think>'.format(x) }}{{ x ~ 1 }}", "</think>")]
    [InlineData("{{ x | escape }}{{ (x | safe) + '</think>' }}{{ {x: 1} }}{{ [x] | string }}", "</think>&'")]
    [InlineData("{% for c in x %}{{ c }}{% endfor %}{{ x.center(30) }}{{ x | list | join }}", "</think>")]
    [InlineData("{{ x.partition('|')[2] }}{{ x.removeprefix('<') }}{{ x.strip('<>') }}{{ x | truncate(9, true) }}", "<|im_end|>")]
    public void Text_of_the_input_stays_marked_through_whatever_the_template_does(string template, string text)
    {
        // The input marks its letters; a twin rendering with letters replaced shows where they went.
        var marked = Render(template, text);
        var plain = Render(template, text.Replace('i', 'j').Replace('h', 'g'));
        Assert.Equal(marked.Text.Length, plain.Text.Length);
        for (var at = 0; at < marked.Text.Length; at++)
        {
            if (char.ToLowerInvariant(marked.Text[at]) != char.ToLowerInvariant(plain.Text[at]))
            {
                Assert.Contains(marked.Literal, span => at >= span.Start && at < span.End);
            }
        }

        Assert.True(marked.Literal.Zip(marked.Literal.Skip(1)).All(pair => pair.First.End < pair.Second.Start));
        Assert.All(marked.Literal, span => Assert.InRange(span.End, 1, marked.Text.Length));
    }

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
        Assert.Equal(ChatTemplateFailure.Refused, error.Failure);
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
    public void An_empty_conversation_is_refused() => Assert.Equal(ChatTemplateFailure.Refused, Assert.Throws<ChatTemplateException>(() =>
        ChatTemplate.Compile(Simple, ChatTemplateTokens.None).Render(new ChatInput([], null, false, false, null))).Failure);

    [Theory]
    [InlineData("a\n{{ 'x' | urlize }}", "filter 'urlize'", 2)]
    [InlineData("{% if false %}{{ x | pprint }}{% endif %}", "filter 'pprint'", 1)]
    [InlineData("{% autoescape true %}{% endautoescape %}", "tag 'autoescape'", 1)]
    [InlineData("\n\n{{ lipsum() }}", "global 'lipsum'", 3)]
    public void What_is_not_built_is_refused_by_name_when_the_template_is_compiled(string template, string name, int line)
    {
        var error = Assert.Throws<ChatTemplateException>(() => ChatTemplate.Compile(template, ChatTemplateTokens.None));
        Assert.Equal((ChatTemplateFailure.NotBuilt, line), (error.Failure, error.Line));
        Assert.Contains(name, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("(")]
    [InlineData("[")]
    [InlineData("-")]
    [InlineData("not ")]
    [InlineData("{1:")]
    [InlineData("x if ")]
    public void Deep_nesting_is_an_error_and_not_the_end_of_the_process(string opening) =>
        Assert.Throws<ChatTemplateException>(() => ChatTemplate.Compile(
            "{{ " + string.Concat(Enumerable.Repeat(opening, 200_000)) + " }}", ChatTemplateTokens.None));

    [Fact]
    public void Deep_tags_are_an_error_and_not_the_end_of_the_process() =>
        Assert.Throws<ChatTemplateException>(() => ChatTemplate.Compile(
            string.Concat(Enumerable.Repeat("{% if x %}", 200_000)), ChatTemplateTokens.None));

    [Fact]
    public void Renders_on_many_threads_at_once()
    {
        var template = ChatTemplate.Compile(Simple, ChatTemplateTokens.None);
        Parallel.For(0, 2000, index => Assert.Equal(
            $"<|user|>{index}<|end|>", template.Render(new ChatInput(Messages(("user", $"{index}")), null, false, false, null)).Text));
    }

    private static RenderedPrompt Render(string template, string text) =>
        ChatTemplate.Compile(template, ChatTemplateTokens.None).Render(new JsonObject { ["x"] = text });

    private static JsonArray Messages(params (string Role, string Content)[] messages) =>
        [.. messages.Select(message => (JsonNode)new JsonObject { ["role"] = message.Role, ["content"] = message.Content })];
}
