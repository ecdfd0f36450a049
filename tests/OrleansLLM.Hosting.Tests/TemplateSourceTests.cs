using OrleansLLM.Files;
using OrleansLLM.Testing;

namespace OrleansLLM.Hosting.Tests;

public sealed class TemplateSourceTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory().FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_file_of_its_own_wins_over_the_configuration()
    {
        Write("chat_template.jinja", "from the file");
        Write("tokenizer_config.json", """{"chat_template": "from the configuration"}""");
        Assert.Equal("from the file", Text());
        Write("tokenizer_config.json", """{"chat_template": [7]}""");
        Assert.Equal("from the file", Text());
        File.Delete(Path.Combine(_folder, "chat_template.jinja"));
        Write("tokenizer_config.json", """{"chat_template": "from the configuration"}""");
        Assert.Equal("from the configuration", Text());
    }

    [Theory]
    [InlineData("""[{"name": "tool_use", "template": "tools"}, {"name": "default", "template": "plain"}]""")]
    [InlineData("""[{"name": "default", "template": "first"}, {"name": "default", "template": "plain"}]""")]
    [InlineData("""[{"name": "default", "template": "plain"}, {"name": "rag"}, 7]""")]
    [InlineData("""{"rag": "r", "default": "plain"}""")]
    public void Of_several_named_templates_the_default_is_taken(string list) => Assert.Equal("plain", OfConfiguration(list).Text);

    [Theory]
    [InlineData("""[{"name": "rag", "template": "r"}, {"name": "tool_use", "template": "t"}]""")]
    [InlineData("""{"rag": "r", "tool_use": "t"}""")]
    public void Without_a_default_none_is_guessed(string list)
    {
        var source = OfConfiguration(list);
        Assert.Null(source.Text);
        Assert.Equal(
            $"{_folder}/tokenizer_config.json: of its chat templates (rag, tool_use) none is the default; call one \"default\", or save it as chat_template.jinja in the model's folder",
            source.Problem);
    }

    [Theory]
    [InlineData("""[{"template":"x"}]""", "chat_template[0] has no name and template that are both texts")]
    [InlineData("""["x"]""", "chat_template[0] has no name and template that are both texts")]
    [InlineData("""[{"name":"default"}]""", "chat_template[0] has no name and template that are both texts")]
    [InlineData("""[{"name":"rag","template":"r"},{"name":1,"template":2}]""", "chat_template[1] has no name and template that are both texts")]
    [InlineData("""[{"name":"default","template":null}]""", "chat_template[0] has no name and template that are both texts")]
    [InlineData("""[null]""", "chat_template[0] has no name and template that are both texts")]
    [InlineData("""[["default","x"]]""", "chat_template[0] has no name and template that are both texts")]
    [InlineData("""{"default":["x"]}""", "chat_template.default has no name and template that are both texts")]
    [InlineData("7", "chat_template is a JSON Number; it must be a text, or a list of objects with a name and a template")]
    [InlineData("true", "chat_template is a JSON True; it must be a text, or a list of objects with a name and a template")]
    public void A_misshapen_one_is_told_in_a_sentence(string value, string sentence)
    {
        var source = OfConfiguration(value);
        Assert.Equal((null, $"{_folder}/tokenizer_config.json: {sentence}"), (source.Text, source.Problem));
    }

    [Theory]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("\" \\n\"")]
    public void An_empty_one_is_none(string value)
    {
        var source = OfConfiguration(value);
        Assert.Equal((null, null), (source.Text, source.Problem));
    }

    [Fact]
    public void A_folder_without_a_template_has_none()
    {
        Assert.Null(Text());
        Write("tokenizer_config.json", "{}");
        Assert.Null(Text());
    }

    [Fact]
    public void A_gguf_files_named_templates_are_not_guessed_among_either()
    {
        Assert.Equal("plain", OfGguf(new GgufBuilder().Text("tokenizer.chat_template.rag", "r").Text("tokenizer.chat_template", "plain")).Text);
        Assert.Null(OfGguf(new GgufBuilder().Texts("tokenizer.chat_templates", "rag")).Problem);
        var named = OfGguf(new GgufBuilder().Text("tokenizer.chat_template.rag", "r"));
        Assert.Null(named.Text);
        Assert.Contains("of its chat templates (tokenizer.chat_template.rag) none is the default; call one \"tokenizer.chat_template\"", named.Problem, StringComparison.Ordinal);
        Assert.Contains("tokenizer.chat_template is a list of Text, it must be a single value", OfGguf(new GgufBuilder().Texts("tokenizer.chat_template", "x")).Problem, StringComparison.Ordinal);
    }

    private string? Text() => TemplateSource.OfFolder(new FolderFiles(_folder)).Text;

    private TemplateSource OfConfiguration(string value)
    {
        Write("tokenizer_config.json", $$"""{"chat_template": {{value}}}""");
        return TemplateSource.OfFolder(new FolderFiles(_folder));
    }

    private TemplateSource OfGguf(GgufBuilder builder)
    {
        var path = Path.Combine(_folder, "a.gguf");
        File.WriteAllBytes(path, builder.Build());
        using var file = GgufFile.Open(path);
        return TemplateSource.OfGguf(file);
    }

    private void Write(string name, string text) => File.WriteAllText(Path.Combine(_folder, name), text);
}
