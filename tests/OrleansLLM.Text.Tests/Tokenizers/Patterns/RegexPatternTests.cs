using System.Text;
using System.Text.Json;
using OrleansLLM.Testing;
using OrleansLLM.Text.Tokenizers;
using OrleansLLM.Text.Tokenizers.Patterns;

namespace OrleansLLM.Text.Tests.Tokenizers.Patterns;

/// <summary>What Oniguruma makes of patterns, recorded from Hugging Face's tokenizers, which run them through it.</summary>
public sealed class RegexPatternTests
{
    private static readonly JsonElement Recorded = Read();

    public static TheoryData<int> Patterns => [.. Enumerable.Range(0, Recorded.GetProperty("patterns").GetArrayLength())];

    [Theory]
    [MemberData(nameof(Patterns))]
    public void A_pattern_finds_what_Oniguruma_finds(int index)
    {
        var row = Recorded.GetProperty("patterns")[index];
        var pattern = row.GetProperty("pattern").GetString()!;
        var isSplit = row.TryGetProperty("parts", out var expected);
        if (!isSplit && !row.TryGetProperty("matches", out expected))
        {
            Assert.Throws<TokenizerException>(() => new RegexPattern(pattern));
            return;
        }

        var regex = new RegexPattern(pattern);
        foreach (var (i, text) in Recorded.GetProperty("texts").EnumerateArray().Select(text => text.GetString()!).Index())
        {
            var parts = new List<PatternMatch>();
            regex.Find(text, parts);
            var found = parts.Where(part => part.End > part.Start && (isSplit || part.IsMatch)).Select(part => new Extent(part.Start, part.End));
            Assert.Equal((pattern, text, Flat(GoldenTokenizers.Integers(expected[i]))), (pattern, text, Flat(CodePoints.Of(text, found))));
        }
    }

    [Theory]
    [InlineData("[[:alnum:]]", 143519)]
    [InlineData("[[:alpha:]]", 142759)]
    [InlineData("[[:ascii:]]", 128)]
    [InlineData("[[:blank:]]", 18)]
    [InlineData("[[:cntrl:]]", 65)]
    [InlineData("[[:digit:]]", 760)]
    [InlineData("[[:graph:]]", 292447)]
    [InlineData("[[:lower:]]", 2569)]
    [InlineData("[[:print:]]", 292464)]
    [InlineData("[[:punct:]]", 9369)]
    [InlineData("[[:space:]]", 25)]
    [InlineData("[[:upper:]]", 1978)]
    [InlineData("[[:word:]]", 144665)]
    [InlineData("[[:xdigit:]]", 22)]
    [InlineData(@"\p{Alphabetic}", 142759)]
    [InlineData(@"\p{Uppercase}", 1978)]
    [InlineData(@"\p{Han}", 99030)]
    [InlineData(@"\p{Latin}", 1487)]
    [InlineData(@"\p{Deseret}", 80)]
    [InlineData(@"\p{Emoji}", 1431)]
    [InlineData(@"\p{Extended_Pictographic}", 3537)]
    [InlineData(@"\p{Grapheme_Extend}", 2193)]
    [InlineData(@"\p{ID_Start}", 141269)]
    [InlineData(@"\p{Any}", 1112064)]
    [InlineData(@"\p{Cn}", 819533)]
    public void A_class_has_as_many_characters_as_in_Oniguruma(string pattern, int count)
    {
        var everything = new StringBuilder();
        for (var value = 0; value < 0x110000; value++)
        {
            if (Rune.IsValid(value))
            {
                everything.Append(new Rune(value));
            }
        }

        var parts = new List<PatternMatch>();
        var text = everything.ToString();
        new RegexPattern(pattern).Find(text, parts);
        Assert.Equal(count, parts.Count(part => part.IsMatch));
    }

    [Theory]
    [InlineData("😀😁", 0)]
    [InlineData("😀😀", 1)]
    [InlineData("𐐀𐐀𐐀", 1)]
    [InlineData("a😀a😀", 0)]
    [InlineData("\uE000\uE001\uE001", 1)]
    public void A_back_reference_compares_whole_characters(string text, int count)
    {
        var parts = new List<PatternMatch>();
        new RegexPattern(@"(.)\1").Find(text, parts);
        Assert.Equal(count, parts.Count(part => part.IsMatch));
    }

    private static string Flat(int[] offsets) => string.Join(' ', offsets);

    private static JsonElement Read()
    {
        var path = Path.Combine(ReferenceData.Repository, "tests", "OrleansLLM.Text.Tests", "Recorded", "oniguruma.json");
        using var document = JsonDocument.Parse(File.ReadAllBytes(path));
        return document.RootElement.Clone();
    }
}
