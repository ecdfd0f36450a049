using System.Text.Json.Nodes;

namespace OrleansLLM.Templates.Tests;

public sealed class TemplateTests
{
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

    [Theory]
    [InlineData("a\n{{ 'x' | urlize }}", "filter 'urlize'", 2)]
    [InlineData("{% if false %}{{ x | pprint }}{% endif %}", "filter 'pprint'", 1)]
    [InlineData("{% autoescape true %}{% endautoescape %}", "tag 'autoescape'", 1)]
    [InlineData("\n\n{{ lipsum() }}", "global 'lipsum'", 3)]
    public void What_is_not_built_is_refused_by_name_when_the_template_is_compiled(string template, string name, int line)
    {
        var error = Assert.Throws<TemplateException>(() => Template.Compile(template));
        Assert.Equal((TemplateFailure.NotBuilt, line), (error.Failure, error.Line));
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
        Assert.Throws<TemplateException>(() => Template.Compile(
            "{{ " + string.Concat(Enumerable.Repeat(opening, 200_000)) + " }}"));

    [Fact]
    public void Deep_tags_are_an_error_and_not_the_end_of_the_process() =>
        Assert.Throws<TemplateException>(() => Template.Compile(
            string.Concat(Enumerable.Repeat("{% if x %}", 200_000))));

    private static RenderedText Render(string template, string text) =>
        Template.Compile(template).Render(new JsonObject { ["x"] = text });
}
