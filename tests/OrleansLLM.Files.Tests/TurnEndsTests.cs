using OrleansLLM.Testing;

namespace OrleansLLM.Files.Tests;

public class TurnEndsTests
{
    [Theory]
    [InlineData("<|im_end|>")]
    [InlineData("<|eot_id|>")]
    [InlineData("<|eom_id|>")]
    [InlineData("<|eot|>")]
    [InlineData("<|end|>")]
    [InlineData("<end_of_turn>")]
    [InlineData("<turn|>")]
    [InlineData("<|endoftext|>")]
    [InlineData("<|end_of_text|>")]
    [InlineData("<EOT>")]
    [InlineData("\u2581<EOT>")]
    [InlineData("[EOT]")]
    [InlineData("<\uFF5Cend\u2581of\u2581sentence\uFF5C>")]
    [InlineData("<|END_OF_TURN_TOKEN|>")]
    [InlineData("[|endofturn|]")]
    public void A_turns_end_is_known_by_its_text_whatever_its_type(string text)
    {
        for (var type = 0; type < 7; type++)
        {
            Assert.Equal([2], Find(["a", "b", text, "c"], [1, 3, type, 4]));
        }

        Assert.Equal([2], Find(["a", "b", text], null));
        Assert.Empty(Find(["a", $" {text}", text[..^1]], null));
    }

    [Theory]
    [InlineData("</s>")]
    [InlineData("<eos>")]
    public void What_web_pages_hold_too_ends_a_text_as_a_control_token_only(string text)
    {
        Assert.Equal([1], Find(["a", text], [1, 3]));
        Assert.Empty(Find(["a", text], [1, 1]));
        Assert.Empty(Find(["a", text], [1, 4]));
        Assert.Empty(Find(["a", text], null));
    }

    [Fact]
    public void Where_others_end_the_whole_answer_the_end_of_a_part_does_not()
    {
        Assert.Equal([1, 2], Find(["<|end|>", "<|return|>", "<|call|>"], null));
        Assert.Equal([1, 2], Find(["<|end|>", "<|calls|>", "<|flush|>"], null));
        Assert.Equal([0, 1], Find(["<|end|>", "<|return|>"], null));
    }

    [Fact]
    public void A_file_without_a_vocabulary_names_none() => Assert.Empty(Find(null, null));

    private static IReadOnlyList<int> Find(string[]? tokens, int[]? types)
    {
        using var folder = new TemporaryFolder();
        var builder = new GgufBuilder().Text("general.architecture", "llama");
        builder = tokens is null ? builder : builder.Texts("tokenizer.ggml.tokens", tokens);
        builder = types is null ? builder : builder.Int32s("tokenizer.ggml.token_type", types);
        using var file = GgufFile.Open(folder.Write("a.gguf", builder.Build()));
        return TurnEnds.Find(file.Metadata);
    }
}
