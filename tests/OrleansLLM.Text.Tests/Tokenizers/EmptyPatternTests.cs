using System.Text.Json;
using OrleansLLM.Text.Tokenizers;
using OrleansLLM.Text.Tokenizers.Decoders;

namespace OrleansLLM.Text.Tests.Tokenizers;

/// <summary>Decoders whose string is empty, recorded from tokenizers 0.23.2: it is found around every character.</summary>
public sealed class EmptyPatternTests
{
    private const string Suffix = """{"type": "BPEDecoder", "suffix": ""}""";

    [Theory]
    [InlineData(Suffix, " a b", "a", "b")]
    [InlineData(Suffix, "ab", "ab")]
    [InlineData(Suffix, " é 😀  x ", "é😀", "x", "")]
    [InlineData(Suffix, " ", "", "")]
    [InlineData(Suffix, " < 0 x E 2 > a", "<0xE2>", "a")]
    [InlineData("""{"type": "CTC", "pad_token": "", "word_delimiter_token": "", "cleanup": true}""", " a b ", "ab")]
    [InlineData("""{"type": "CTC", "pad_token": "<pad>", "word_delimiter_token": "", "cleanup": true}""", "  a  b  |  c ", "<pad>", "a", "a", "b", "|", "c")]
    [InlineData("""{"type": "CTC", "pad_token": "", "word_delimiter_token": "", "cleanup": false}""", "ab", "a", "b")]
    public void An_empty_string_is_found_before_each_character_and_at_the_end(string config, string expected, params string[] tokens)
    {
        using var document = JsonDocument.Parse(config);
        var decoder = TokenDecoderKinds.Read(TokenizerComponent.Of(document.RootElement, "decoder"));
        var list = tokens.ToList();
        decoder.Decode(list);
        Assert.Equal(expected, string.Concat(list));
    }
}
