using OrleansLLM.Files;

namespace OrleansLLM.Hosting.Tests;

public sealed class SpecialTokenNamesTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory().FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Tokens_are_texts_or_objects_and_null_is_none()
    {
        Write("tokenizer_config.json", """{"eos_token": {"content": "</s>", "lstrip": false}, "pad_token": null, "add_bos_token": true, "cls_token": {}}""");
        Write("special_tokens_map.json", """{"unk_token": "<unk>", "image_token": {"content": "<img>"}, "additional_special_tokens": ["<x>"]}""");
        var names = Read();
        Assert.Equal(["eos_token=</s>", "image_token=<img>", "unk_token=<unk>"], names.Tokens.Select(pair => $"{pair.Key}={pair.Value}").Order(StringComparer.Ordinal));
        Assert.Equal([("tokenizer_config.json", "</s>")], names.Ends);
    }

    [Theory]
    [InlineData("""{"eos_token":"<c>"}""", "<m>")]
    [InlineData("""{"eos_token":"<c>","added_tokens_decoder":{}}""", "<c>")]
    public void Of_a_token_that_both_files_name_templates_see_one_and_both_end_an_answer(string config, string seen)
    {
        Write("tokenizer_config.json", config);
        Write("special_tokens_map.json", """{"eos_token":{"content":"<m>"}}""");
        Assert.Equal(seen, Read().Tokens["eos_token"]);
        Assert.Equal([("tokenizer_config.json", "<c>"), ("special_tokens_map.json", "<m>")], Read().Ends);
    }

    [Fact]
    public void A_list_of_ends_has_several_and_no_text_for_templates()
    {
        Write("tokenizer_config.json", """{"eos_token":["<a>",{"content":"<b>"},7]}""");
        Assert.Equal([("tokenizer_config.json", "<a>"), ("tokenizer_config.json", "<b>")], Read().Ends);
        Assert.Empty(Read().Tokens);
    }

    [Fact]
    public void Without_the_files_there_are_none() => Assert.Empty(Read().Ends);

    private SpecialTokenNames Read() => SpecialTokenNames.Read(new FolderFiles(_folder));

    private void Write(string name, string text) => File.WriteAllText(Path.Combine(_folder, name), text);
}
