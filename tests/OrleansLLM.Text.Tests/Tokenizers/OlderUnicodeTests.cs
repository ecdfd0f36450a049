using System.Text.Json;
using OrleansLLM.Text.Tokenizers;
using OrleansLLM.Text.Tokenizers.Normalizers;
using OrleansLLM.Text.Tokenizers.PreTokenizers;

namespace OrleansLLM.Text.Tests.Tokenizers;

/// <summary>Where the reference knows an older or a newer Unicode than .NET, recorded from tokenizers 0.23.2.</summary>
public sealed class OlderUnicodeTests
{
    private const string CleanText = """{"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": false, "strip_accents": false, "lowercase": false}""";
    private const string StripAccents = """{"type": "BertNormalizer", "clean_text": false, "handle_chinese_chars": false, "strip_accents": true, "lowercase": false}""";

    [Theory]
    [InlineData(CleanText, "a\u0600\u06DD\u070F\u08E2\u0890\U000110BD\U000110CD\U00013430\u00ADb", "a\u08E2\u0890\U000110CD\U00013430b")]
    [InlineData(CleanText, "\u200Da\uE000\u0378\u0085", "a\u0378")]
    [InlineData(StripAccents, "a\u0301\u08D4\u1734b", "a\u08D4b")]
    [InlineData("""{"type": "StripAccents"}""", "a\u0301\u08D4\u1CF2\u0897b", "a\u0897b")]
    [InlineData("""{"type": "Lowercase"}""", "\u1C89\uA7DC\uA7CB\U00010D50\U00016EA0A", "\u1C8A\u019B\u0264\U00010D70\U00016EBBa")]
    [InlineData("""{"type": "NFKC"}""", "\u32FF\U0001F16C\uFB01e\u0301", "\u32FF\U0001F16Cfi\u00E9")]
    [InlineData("""{"type": "NFD"}""", "\u00E9\U00011938", "e\u0301\U00011938")]
    [InlineData("""{"type": "NFC"}""", "\U00011935\U00011930e\u0301\uFFFE", "\U00011935\U00011930\u00E9\uFFFE")]
    public void A_normalizer_knows_the_characters_that_the_reference_knows(string config, string text, string expected)
    {
        using var document = JsonDocument.Parse(config);
        var normalizer = NormalizerKinds.Read(TokenizerComponent.Of(document.RootElement, "normalizer"));
        Assert.Equal(expected, normalizer.Normalize(new AlignedText(text, extents: null, origin: 0)).Text);
    }

    [Theory]
    [InlineData("Punctuation", "a\u061Db", "a\u061Db")]
    [InlineData("Punctuation", "a\u166Db", "a|\u166D|b")]
    [InlineData("Digits", "a\U00011DE0b", "a|\U00011DE0|b")]
    [InlineData("UnicodeScripts", "どこで生れ。Yes", "どこで生れ|。|Yes")]
    [InlineData("UnicodeScripts", "Apples are りんご 林檎", "Apples are |りんご 林檎")]
    [InlineData("UnicodeScripts", "  a  b ", "a  b ")]
    [InlineData("UnicodeScripts", " ", "")]
    [InlineData("UnicodeScripts", "αβγ abc где", "αβγ |abc |где")]
    [InlineData("UnicodeScripts", "ー長音ー", "ー長音ー")]
    [InlineData("UnicodeScripts", "a\u0301b", "a|\u0301|b")]
    [InlineData("UnicodeScripts", "a😀𝒜𝒷x\u0378y", "a|😀𝒜𝒷|x\u0378y")]
    [InlineData("UnicodeScripts", "한글ㄱ中文ไทยlao ລາວ", "한글ㄱ|中文|ไทย|lao |ລາວ")]
    [InlineData("UnicodeScripts", "A1-B2_c", "A|1-|B|2_|c")]
    public void A_pre_tokenizer_splits_as_the_reference(string kind, string text, string expected)
    {
        using var document = JsonDocument.Parse($$"""{"type": "{{kind}}", "behavior": "Isolated", "individual_digits": true}""");
        var pieces = new PieceList(Tracking.Extents);
        pieces.Begin(new AlignedText(text, extents: null, origin: 0));
        PreTokenizerKinds.Read(TokenizerComponent.Of(document.RootElement, "pre_tokenizer")).PreTokenize(pieces);
        Assert.Equal(expected, string.Join('|', pieces.Pieces.Select(piece => piece.Span.ToString())));
    }
}
