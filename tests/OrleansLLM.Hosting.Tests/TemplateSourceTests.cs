using OrleansLLM.Files;

namespace OrleansLLM.Hosting.Tests;

public sealed class TemplateSourceTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory().FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_file_of_its_own_wins_over_the_configuration()
    {
        Write("chat_template.jinja", "from the file");
        Write("tokenizer_config.json", """{"chat_template": "from the configuration", "bos_token": "<s>"}""");

        var source = Find();

        Assert.Equal("from the file", source.Text);
        Assert.Equal("<s>", source.Tokens["bos_token"]);
    }

    [Fact]
    public void Of_several_named_templates_the_default_is_taken()
    {
        Write(
            "tokenizer_config.json",
            """{"chat_template": [{"name": "tool_use", "template": "tools"}, {"name": "default", "template": "plain"}]}""");

        Assert.Equal("plain", Find().Text);
    }

    [Fact]
    public void Tokens_are_texts_or_objects_and_null_is_none()
    {
        Write("tokenizer_config.json", """{"eos_token": {"content": "</s>", "lstrip": false}, "pad_token": null, "add_bos_token": true}""");

        Assert.Equal("</s>", Assert.Single(Find().Tokens).Value);
    }

    [Fact]
    public void A_folder_without_a_template_has_none() => Assert.Null(Find().Text);

    private TemplateSource Find() => TemplateSource.OfFolder(new FolderFiles(_folder));

    private void Write(string name, string text) => File.WriteAllText(Path.Combine(_folder, name), text);
}
