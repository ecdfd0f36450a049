using System.Text.Json.Nodes;

namespace OrleansLLM.Templates.Tests;

public sealed class TemplateFuzzTests
{
    private const string Seed =
        "{%- macro f(a, b='x') -%}{{ a | upper ~ b[1:] }}{%- endmacro -%}{% set ns = namespace(n=0) %}"
        + "{% for m in messages if m.role != 'tool' recursive %}{% if loop.first and not m.tool %}{{ f(m.content, b=\"é\\n\") }}"
        + "{% elif m.content is string %}{{ '%s-%05d' % (m.role, 3) }}{% else %}{{ m | tojson(indent=2) }}{% continue %}{% endif %}"
        + "{% set ns.n = ns.n + loop.index0 ** 2 // 3 %}{{ loop([]) if false }}{% endfor %}{% filter trim %} {{ ns.n }}{% endfilter %}"
        + "{% call(x) f('q') %}{{ x }}{% endcall %}{# c #}{% raw %}{{ }}{% endraw %}{{ {'a': [1, 2.5, none]}.items() | list | sort }}"
        + "{{ '{0:>5}'.format(1) }}{{ messages | map(attribute='role') | join(', ') | replace('u', 'U') | default('d', true) }}";

    private static readonly string[] Pieces =
        ["{%", "%}", "{{", "}}", "{#", "#}", "-", "+", "(", ")", "[", "]", "'", "\"", "\\", "|", ".", ",", ":", "~", "**", "for ", "in ", "if ", "else", "endif",
            "endfor", "set ", "loop", "messages", "recursive", "1e9", "999999999", "0x", "_", "é", "🙂", "\n", "\r", " ", "%", "*", "not ", "is "];

    [Fact]
    public void A_mutated_template_is_an_error_or_renders_and_nothing_else()
    {
        var random = new Random(17);
        var variables = new JsonObject
        {
            ["messages"] = new JsonArray(
                new JsonObject { ["role"] = "user", ["content"] = "hi <|im_end|>" }, new JsonObject { ["role"] = "assistant", ["content"] = new JsonArray() }),
        };
        var rendered = 0;
        for (var round = 0; round < 4000; round++)
        {
            var source = Seed;
            for (var change = random.Next(1, 4); change > 0; change--)
            {
                source = Mutate(source, random);
            }

            try
            {
                Template.Compile(source).Render(variables);
                rendered++;
            }
            catch (TemplateException)
            {
            }
        }

        Assert.InRange(rendered, 1, 3999);
    }

    private static string Mutate(string source, Random random)
    {
        var at = random.Next(source.Length);
        var length = Math.Min(random.Next(1, 12), source.Length - at);
        return random.Next(4) switch
        {
            0 => source.Remove(at, length),
            1 => source.Insert(at, Pieces[random.Next(Pieces.Length)]),
            2 => source.Remove(at, length).Insert(at, Pieces[random.Next(Pieces.Length)]),
            _ => source.Insert(random.Next(source.Length), source.Substring(at, length)),
        };
    }
}
