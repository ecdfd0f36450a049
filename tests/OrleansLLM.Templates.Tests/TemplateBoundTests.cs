using System.Diagnostics;
using System.Text.Json.Nodes;

namespace OrleansLLM.Templates.Tests;

/// <summary>No template hangs a server or ends its process, and none that works on long messages is refused.</summary>
public sealed class TemplateBoundTests
{
    /// <summary>Many times what an idle machine takes.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    [Theory]
    [InlineData("{{ 'x' * 10 ** 12 }}")]
    [InlineData("{{ [1] * 10 ** 12 }}")]
    [InlineData("{{ 2 ** (10 ** 9) }}")]
    [InlineData("{{ 9 ** 9999 * 9 ** 9999 }}")]
    [InlineData("{{ '%*d' % (2 ** 40, 1) }}")]
    [InlineData("{{ '{:2000000000}'.format('x') }}")]
    [InlineData("{{ 'x'.center(2000000000) }}")]
    [InlineData("{{ 'a\nb' | indent(2000000000) }}")]
    [InlineData("{{ {'a': 1} | tojson(indent=2000000000) }}")]
    [InlineData("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}")]
    [InlineData("{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}")]
    [InlineData("{% set ns = namespace(x=[]) %}{% for j in range(10) %}{% for i in range(90000) %}{% set ns.x = [ns.x] %}{% endfor %}{% endfor %}{{ ns.x }}")]
    [InlineData("{% set ns = namespace(x=[]) %}{% for j in range(10) %}{% for i in range(90000) %}{% set ns.x = [ns.x] %}{% endfor %}{% endfor %}{{ ns.x | tojson }}")]
    [InlineData("{% set ns = namespace(x='a') %}{% for i in range(90) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}")]
    [InlineData("{% set ns = namespace(x='a') %}{% for i in range(90) %}{% set ns.x = ns.x.replace('a', 'aaaaaaa') %}{% endfor %}")]
    [InlineData("{% set ns = namespace(x=[1]) %}{% for i in range(90) %}{% set ns.x = ns.x + ns.x %}{% endfor %}")]
    public async Task Every_bound_ends_a_rendering(string template)
    {
        var error = await RunIntoABound(template, Rendering.MaxSteps);
        Assert.Equal(TemplateFailure.Limit, error.Failure);
    }

    // These go on for ever but for the bound of steps, so a low one shows that each of their steps counts.
    [Theory]
    [InlineData("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}")]
    [InlineData("{% for a in range(99999) %}{{ 'x' * 100000 }}{% endfor %}")]
    [InlineData("{% set ns = namespace(x=[1]) %}{% for i in range(90) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}")]
    [InlineData("{% set ns = namespace(x=[1]) %}{% for i in range(90) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x | tojson }}")]
    [InlineData("{% set ns = namespace(x=[1], y=[1]) %}{% for i in range(90) %}{% set ns.x = [ns.x, ns.x] %}{% set ns.y = [ns.y, ns.y] %}{% endfor %}{{ ns.x == ns.y }}")]
    public async Task The_bound_of_steps_ends_a_rendering(string template)
    {
        var error = await RunIntoABound(template, maxSteps: 500_000);
        Assert.Equal(TemplateFailure.Limit, error.Failure);
        Assert.Contains("more than 500000 steps", error.Message, StringComparison.Ordinal);
    }

    // Steps are a measure of time: whatever a template does over and over, its steps run out in about a second.
    [Theory]
    [InlineData("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}")]
    [InlineData("{% for a in range(99999) %}{% for b in range(99999) %}{% if b == 0 and a > 1 or not b %}{% endif %}{% endfor %}{% endfor %}")]
    [InlineData("{% set t = 'a' * 16000000 %}{% for a in range(99999) %}{% if 'b' in t %}{% endif %}{% endfor %}")]
    [InlineData("{% set t = 'a' * 4000000 %}{% set n = 'a' * 2000000 ~ 'b' %}{% if n in t %}{% endif %}{{ t.find(n) }}{{ t.split(n) | length }}")]
    [InlineData("{% set t = 'a' * 8000000 %}{% set u = 'a' * 8000000 %}{% for a in range(99999) %}{% if t == u or t < u or {t: 1}[u] %}{% endif %}{% endfor %}")]
    [InlineData("{% set t = 'é' * 8000000 %}{% for a in range(99999) %}{{ t.upper() | length }}{% endfor %}")]
    [InlineData("{% set t = '🙂' * 4000000 %}{% for a in range(99999) %}{{ t[3999999] }}{% endfor %}")]
    [InlineData("{% set t = 'a' * 1000000 %}{% for a in range(99999) %}{{ t.strip('b' * 1000000 ~ 'a') }}{{ t.isalpha() }}{{ t is lower }}{{ t | wordcount }}{% endfor %}")]
    [InlineData("{% set t = ('a,' * 500000).split(',') %}{% for a in range(99999) %}{{ t | string | length }}{{ t | tojson | length }}{% endfor %}")]
    [InlineData("{% set t = ['b', 'a'] * 500000 %}{% for a in range(99999) %}{{ t | sort | first }}{{ t | unique | list }}{{ t | groupby('x') | length }}{% endfor %}")]
    [InlineData("{% set i = 2 ** 60000 %}{% for a in range(99999) %}{% set j = i * i // (i - 1) % i %}{% endfor %}")]
    [InlineData("{% for a in range(99999) %}{{ '%.5000f' % 0.1 }}{{ 1 | round(-5000) }}{{ ('9' * 4300) | int }}{% endfor %}")]
    [InlineData("{{ '{:09999999,}'.format(1) | length }}{% for a in range(99999) %}{{ '{:0999999,}'.format(1) }}{% endfor %}")]
    [InlineData("{{ ('&' * 4000000) | striptags | length }}{{ ('x' * 4000000) | wordwrap(1) | length }}")]
    [InlineData("{% macro f(a, b=1) %}{{ a }}{{ caller }}{{ kwargs }}{% endmacro %}{% for a in range(99999) %}{% for b in range(99) %}{{ f(a, c=b) }}{% endfor %}{% endfor %}")]
    [InlineData("{% for a in range(99999) %}{% for b in range(99) %}{% set d = {'a': [a, (b, none)], 'b': {}} %}{% set n = namespace(d, x=1) %}{{ d.items() | list }}{% endfor %}{% endfor %}")]
    [InlineData("{% for a in range(99999) %}{% for b in range(99) %}{% set x = strftime_now('%c %A %j') ~ 'a b c'.split() ~ '%s-%05d' % ('x', a) ~ '{:>9}'.format(a) %}{% endfor %}{% endfor %}")]
    [InlineData("{% set ns = namespace(t='') %}{% for a in range(99999) %}{% set ns.t = ns.t ~ messages ~ 'x' %}{% endfor %}")]
    [InlineData("{% set d = {}.fromkeys(range(99999)) %}{% for a in range(99999) %}{% set x = dict(d) %}{% set y = namespace(**{'a': d}) %}{{ d | length }}{{ d | items | list | length }}{% endfor %}")]
    public async Task Steps_run_out_soon_whatever_they_are_spent_on(string template)
    {
        var watch = Stopwatch.StartNew();
        var error = await RunIntoABound(template, Rendering.MaxSteps);
        TestContext.Current.TestOutputHelper?.WriteLine($"{watch.ElapsedMilliseconds} ms");
        Assert.Equal(TemplateFailure.Limit, error.Failure);
    }

    [Theory]
    [InlineData("{{ {}[ns.x] }}")]
    [InlineData("{{ ns.x in {} }}")]
    [InlineData("{{ [ns.x] | unique | list }}")]
    [InlineData("{{ ns.x == ns.y }}")]
    [InlineData("{{ ns.x < ns.y }}")]
    [InlineData("{{ '%r' % ns.x }}")]
    public async Task Values_nested_or_shared_without_end_do_not_end_the_process(string use)
    {
        const string Nested = "{% set ns = namespace(x=(), y=()) %}{% for i in range(90000) %}{% set ns.x = (ns.x,) %}{% set ns.y = (ns.y,) %}{% endfor %}";
        const string Shared = "{% set ns = namespace(x=(1,), y=(1,)) %}{% for i in range(90) %}{% set ns.x = (ns.x, ns.x) %}{% set ns.y = (ns.y, ns.y) %}{% endfor %}";
        Assert.Equal(TemplateFailure.Limit, (await RunIntoABound(Shared + use, Rendering.MaxSteps)).Failure);
        try
        {
            Template.Compile(Nested + use).Render([]);
        }
        catch (TemplateException error)
        {
            Assert.Equal(TemplateFailure.Limit, error.Failure);
        }
    }

    [Theory]
    [InlineData("{{ text | replace('\n', ' ') | trim | length }}", "1599994")]
    [InlineData("{{ text | indent(2) | length }}", "1699998")]
    [InlineData("{{ text.split('\n') | join('\n') | length }}", "1600000")]
    [InlineData("{{ text.split('\n') | tojson(indent=2) | length }}", "1850008")]
    [InlineData("{{ '<{0}> {1} and so on and on and on'.format(text, 1) | length }}", "1600028")]
    [InlineData("{% set ns = namespace(t='') %}{% for line in text.splitlines() %}{% if not loop.index % 100 %}{% set ns.t = ns.t ~ line %}{% endif %}{% endfor %}{{ ns.t | length }}", "15500")]
    [InlineData("{{ ('</think>' in text) ~ text.startswith('x') ~ (text | upper == text) }}", "FalseFalseFalse")]
    public void Long_texts_are_rendered(string template, string expected)
    {
        var text = string.Concat(Enumerable.Repeat("The quick brown fox jumps.     \n", 50_000));
        Assert.Equal(expected, Template.Compile(template).Render(new JsonObject { ["text"] = text }).Text);
    }

    [Fact]
    public async Task A_text_of_many_marked_parts_is_walked_in_the_time_of_its_length()
    {
        var parts = new JsonArray([.. Enumerable.Range(0, 200_000).Select(_ => (JsonNode)"x")]);
        var template = Template.Compile("{{ ('-'.join(parts) | list | length) }}");
        var rendering = Task.Run(() => template.Render(new JsonObject { ["parts"] = parts }).Text, TestContext.Current.CancellationToken);
        Assert.Equal("399999", await rendering.WaitAsync(Patience, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void Many_string_literals_side_by_side_compile_in_the_time_of_their_length() =>
        Assert.Equal("400000", Template.Compile(
            "{{ (" + string.Concat(Enumerable.Repeat("'ab' ", 200_000)) + ") | length }}").Render([]).Text);

    private static async Task<TemplateException> RunIntoABound(string template, long maxSteps)
    {
        var compiled = Template.Compile(template);
        var rendering = Task.Run(
            () => Assert.Throws<TemplateException>(() => compiled.Render([], new Dictionary<string, string>(), maxSteps)), TestContext.Current.CancellationToken);
        return await rendering.WaitAsync(Patience, TestContext.Current.CancellationToken);
    }
}
