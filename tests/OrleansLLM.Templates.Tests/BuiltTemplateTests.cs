using System.Text.Json.Nodes;
using OrleansLLM.Templates.Library;
using OrleansLLM.Templates.Syntax;
using OrleansLLM.Testing;

namespace OrleansLLM.Templates.Tests;

public sealed class BuiltTemplateTests
{
    private static readonly IEnumerable<Method> Methods =
        new[]
        {
            TextMethods.Rows, NumberMethods.Int, NumberMethods.Float, CollectionMethods.List, CollectionMethods.Tuple, CollectionMethods.Range,
            CollectionMethods.Dict,
        }.SelectMany(table => table.Values);

    [Fact]
    public void The_tables_have_the_names_of_the_list_of_what_is_built()
    {
        Built.TemplateTags.AssertEquals(TemplateParser.TagNames.Except(["autoescape"]));
        Built.TemplateFilters.AssertEquals(Filters.Names);
        Built.TemplateTests.AssertEquals(Library.Tests.Names);
        Built.TemplateGlobals.AssertEquals(Globals.Names);
        Built.TemplateMethods.AssertEquals(Methods.Where(method => method.IsBuilt).Select(method => method.Name));
    }

    /// <summary>Were one of them built, its cases would go on being skipped.</summary>
    [Theory]
    [InlineData("{% autoescape true %}{% endautoescape %}", "template tag autoescape")]
    [InlineData("{% block a scoped %}{% endblock %}", "template construct blocks that are scoped or required")]
    [InlineData("{% block a required %}{% endblock %}", "template construct blocks that are scoped or required")]
    [InlineData("{% block a %}{% endblock %}{{ self.a() }}", "template construct self.block()")]
    [InlineData("{{ [1] | pprint }}", "template filter pprint")]
    [InlineData("{{ [1] | random }}", "template filter random")]
    [InlineData("{{ 'a' | urlize }}", "template filter urlize")]
    [InlineData("{% filter urlize %}a{% endfilter %}", "template filter urlize")]
    [InlineData("{{ 'well-known' | wordwrap(5) }}", "template construct wordwrap on hyphens")]
    [InlineData("{{ lipsum() }}", "template global lipsum")]
    [InlineData(@"{{ '\N{BULLET}' }}", @"template construct \N{...}")]
    [InlineData("{{ '%a' % 'é' }}", "template construct %a of other than ASCII")]
    [InlineData("{{ '%5a' | format('é') }}", "template construct %a of other than ASCII")]
    [InlineData("{{ 'ß'.casefold() }}", "template method casefold")]
    [InlineData("{{ 7 .bit_count() }}", "template method bit_count")]
    [InlineData("{{ 0.5.hex() }}", "template method hex")]
    public void What_is_not_built_is_named_by_its_source(string source, string name)
    {
        Assert.Equal([name], TemplateFeatures.Of(source).Where(feature => !feature.IsBuilt).Select(feature => feature.ToString()));
        Assert.Equal(TemplateFailure.NotBuilt, Failure(source));
    }

    [Fact]
    public void Complex_numbers_are_named_by_what_they_render_to()
    {
        const string Source = "{{ (0 - 8) ** 0.5 }}";
        var recorded = new JsonObject { ["rendered"] = "(1.7319121124709868e-16+2.8284271247461903j)" };
        Assert.Equal(Built.TemplateConstructs["complex numbers"], Assert.Single(TemplateFeatures.Of(Source, recorded), feature => !feature.IsBuilt));
        Assert.Equal(TemplateFailure.NotBuilt, Failure(Source));
    }

    [Fact]
    public void Every_method_that_is_not_built_is_named() => Assert.All(
        Methods.Where(method => !method.IsBuilt),
        method => Assert.Contains(Built.TemplateMethods[method.Name], TemplateFeatures.Of($"{{{{ a.{method.Name}() }}}}")));

    [Theory]
    [InlineData("pprint | urlize {# x | random #}{% raw %}{{ lipsum() }}{% endraw %}")]
    [InlineData("{{ '| pprint lipsum() self.a \\\\N .casefold()' }}")]
    [InlineData("{{ x | nosuchfilter }}{{ a.own_macro() }}{{ lipsum is defined }}{{ strftime_now('%a') }}é")]
    [InlineData("{{- 'one two' | wordwrap(5) -}}")]
    [InlineData("{{ 'well-known' | wordwrap(5, break_on_hyphens=false) }}")]
    public void Text_and_names_of_the_templates_own_are_no_features(string source) =>
        Assert.DoesNotContain(TemplateFeatures.Of(source), feature => !feature.IsBuilt);

    private static TemplateFailure Failure(string source) =>
        Assert.Throws<TemplateException>(() => Template.Compile(source).Render(new JsonObject())).Failure;
}
