using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;

namespace OrleansLLM.Text.Tests.Tokenizers;

public sealed class PipelineTokenizerTests
{
    private static readonly string[] Texts =
        ["hello world", "na\u00EFve \u4F60\u597D \U0001F600\U0001F469\u200D\U0001F469", "", " \r\n\t ", "<|s|>hello<tool>", "a\uD83Db\uDC00", new string('\u0301', 50)];

    [Fact]
    public void Special_tokens_in_literal_ranges_are_plain_text()
    {
        var tokenizer = SmallTokenizers.ByteLevel();
        const string text = "<|s|>hello<|s|>";
        var first = FirstId(tokenizer);

        Assert.Equal([first, 259, first], tokenizer.Encode(text, [], AddedTokens.None));
        var ids = tokenizer.Encode(text, [new TextSpan(5, 10)], AddedTokens.None);
        Assert.Equal([first, 259], ids.Take(2));
        Assert.DoesNotContain(first, ids.Skip(1));
        Assert.Equal("<|s|>", tokenizer.Decode([.. ids.Skip(2)], SpecialTokens.Skip));
    }

    [Fact]
    public void A_users_text_can_neither_complete_nor_replace_a_templates_token()
    {
        var tokenizer = SmallTokenizers.ByteLevel();
        var first = FirstId(tokenizer);

        var replaced = tokenizer.Encode("<|s|><|t|>", [new TextSpan(5, 5)], AddedTokens.None);
        Assert.Equal(first, replaced[0]);
        Assert.Equal("<|t|>", tokenizer.Decode([.. replaced.Skip(1)], SpecialTokens.Keep));

        var completed = tokenizer.Encode("<|s|>", [new TextSpan(2, 3)], AddedTokens.None);
        Assert.DoesNotContain(first, completed);
    }

    [Fact]
    public void The_beginning_comes_once_whether_the_template_or_the_post_processor_writes_it()
    {
        var file = SmallTokenizers.ByteLevelFile();
        file["post_processor"] = JsonNode.Parse("""
            {"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<|s|>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],"pair":[],
            "special_tokens":{"<|s|>":{"id":"<|s|>","ids":[261],"tokens":["<|s|>"]}}}
            """);
        var tokenizer = SmallTokenizers.Read(file);
        var first = FirstId(tokenizer);
        var prompt = ChatTemplate.Compile("{{ bos_token }}{% for m in messages %}{{ m.content }}{% endfor %}", ChatTemplateTokens.Of("<|s|>", null))
            .Render(new ChatInput([new JsonObject { ["role"] = "user", ["content"] = "<|s|>hello" }], null, false, false, null));

        var chat = tokenizer.Encode(prompt.Text, [.. prompt.Literal], AddedTokens.None);
        Assert.Equal((first, 1), (chat[0], chat.Count(id => id == first)));
        Assert.Equal([first, 259], tokenizer.Encode("hello", [], AddedTokens.PostProcessor));
    }

    [Fact]
    public void Tokens_that_are_not_special_are_found_in_literal_text_too()
    {
        var tokenizer = SmallTokenizers.ByteLevel();
        Assert.True(tokenizer.TryGetId("<tool>", out var tool));
        Assert.Equal([tool], tokenizer.Encode("<tool>", [new TextSpan(0, 6)], AddedTokens.None));
        Assert.False(tokenizer.IsSpecial(tool));
        Assert.Equal("<tool>", tokenizer.Decode([tool], SpecialTokens.Skip));
    }

    [Fact]
    public void Byte_level_tokens_decode_to_the_text_they_came_from()
    {
        var tokenizer = SmallTokenizers.ByteLevel();
        Assert.All(Texts, text =>
        {
            var ids = tokenizer.Encode(text, [new TextSpan(0, text.Length)], AddedTokens.None);
            Assert.Equal(WellFormed(text), tokenizer.Decode([.. ids], SpecialTokens.Keep));
            Assert.Equal(Encoding.UTF8.GetBytes(WellFormed(text)), ids.SelectMany(id => tokenizer.GetBytes(id).ToArray()));
        });
    }

    [Fact]
    public void A_stream_gives_the_whole_text_and_never_half_a_character()
    {
        var tokenizer = SmallTokenizers.ByteLevel();
        Assert.All(Texts, text =>
        {
            var ids = tokenizer.Encode(text, [], AddedTokens.None);
            var decoder = tokenizer.CreateStreamDecoder(SpecialTokens.Keep);
            var shown = new StringBuilder();
            foreach (var id in ids)
            {
                shown.Append(decoder.Add(id));
                Assert.StartsWith(shown.ToString(), WellFormed(text), StringComparison.Ordinal);
            }

            Assert.Equal(WellFormed(text), shown.Append(decoder.Finish()).ToString());
        });
    }

    [Fact]
    public void A_stream_of_broken_bytes_goes_on_and_loses_nothing()
    {
        var tokenizer = SmallTokenizers.ByteLevel();
        int[] ids = [.. Enumerable.Repeat(0x80, 5000)];
        var decoder = tokenizer.CreateStreamDecoder(SpecialTokens.Keep);
        var texts = ids.Select(id => decoder.Add(id)).ToList();
        Assert.True(texts.Count(text => text.Length > 0) > 10);
        Assert.Equal(tokenizer.Decode(ids, SpecialTokens.Keep), string.Concat(texts) + decoder.Finish());
    }

    [Fact]
    public void A_long_unbroken_word_takes_no_square_of_its_length()
    {
        var tokenizer = SmallTokenizers.ByteLevel();
        var watch = Stopwatch.StartNew();
        Assert.Equal(200_000, tokenizer.Encode(string.Concat(Enumerable.Repeat("hello", 200_000)), [], AddedTokens.None).Count);
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(20), $"a word of 1,000,000 characters took {watch.Elapsed}");
    }

    [Fact]
    public void One_tokenizer_serves_many_threads()
    {
        var tokenizer = SmallTokenizers.ByteLevel();
        var expected = Texts.Select(text => tokenizer.Encode(text, [], AddedTokens.None)).ToArray();
        Parallel.For(0, 2000, i =>
            Assert.Equal(expected[i % Texts.Length], tokenizer.Encode(Texts[i % Texts.Length], [], AddedTokens.None)));
    }

    private static int FirstId(TextTokenizer tokenizer)
    {
        Assert.True(tokenizer.TryGetId("<|s|>", out var id));
        Assert.True(tokenizer.IsSpecial(id));
        return id;
    }

    private static string WellFormed(string text) => Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));
}
