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

    /// <summary>
    /// As Oniguruma 6.9.8 finds them: folded characters are compared, within as many bytes as the group matched, so that none of another
    /// length of UTF-8 is its other case at the end of a text.
    /// </summary>
    [Theory]
    [InlineData(@"(?i)(.)\1", "𐐀𐐨", 1)]
    [InlineData(@"(?i)(.)\1", "𐐨𐐀", 1)]
    [InlineData(@"(?i)(.)\1", "𐐀𐐁", 0)]
    [InlineData(@"(?i)(.)\1", "sS", 1)]
    [InlineData(@"(?i)(.)\1", "s\u017F", 0)]
    [InlineData(@"(?i)(s)\1", "s\u017F", 0)]
    [InlineData(@"(?i)(s)\1", "\u017Fs", 0)]
    [InlineData(@"(?i)(s)\1", "\u017F\u017F", 1)]
    [InlineData(@"(?i)(.)\1", "k\u212A", 0)]
    [InlineData(@"(?i)(.)\1", "\u212AK", 0)]
    [InlineData(@"(?i)(.)\1", "qQ\uE000\uE000", 2)]
    [InlineData(@"(?i)(.)\1", "\uE000q\uE000Q", 0)]
    [InlineData(@"(?i)(..)\1", "\uE000q\uE000Q", 1)]
    [InlineData(@"(?i)(.)\1", "θϑΘθ", 2)]
    [InlineData(@"(?i)(.)\1", "ǄǅǆǅǄ", 2)]
    [InlineData(@"(?i)(.)\1", "\uFB05\uFB06", 1)]
    [InlineData(@"(?i)(.)\1", "ßẞ", 0)]
    [InlineData(@"(?i)(ss)\1", "ssß", 0)]
    [InlineData(@"(?i)(.)\1", "İiıI", 0)]
    [InlineData(@"(?i)(.)\1", "😀😀😀😁", 1)]
    [InlineData(@"(?i)(\w+) \1", "The the THE", 1)]
    [InlineData(@"(?i)(\w+) \1", "𐐀Σx 𐐨ςX", 1)]
    [InlineData(@"(?i)(\w+) \1", "straße STRASSE", 0)]
    [InlineData(@"(?i)(?<x>[b-y])\k<x>", "bB aA yy", 2)]
    [InlineData(@"(?i)([^b-y])\1", "bB aA yy", 1)]
    [InlineData(@"(.)(?i:\1)", "aA bb", 2)]
    [InlineData(@"(?i:(.))\1", "aA bb", 1)]
    [InlineData(@"(?i)(\p{Lu})\1", "aAAa", 1)]
    [InlineData(@"(?i)\b(x)\1\B", "xXX xX 𐐀xX", 1)]
    public void A_back_reference_that_ignores_case_compares_folded_characters(string pattern, string text, int count)
    {
        var parts = new List<PatternMatch>();
        new RegexPattern(pattern).Find(text, parts);
        Assert.Equal(count, parts.Count(part => part.IsMatch));
        Assert.Equal(text, string.Concat(parts.Select(part => text[part.Start..part.End])));
    }

    /// <summary>More than one digit without that many groups before it is an octal number, or, from 8 on, that digit.</summary>
    [Theory]
    [InlineData(@"(a)\10", "a\b", 1)]
    [InlineData(@"(a)\10", "aa0", 0)]
    [InlineData(@"(a)(b)(c)(d)(e)(f)(g)(h)(i)(j)\10", "abcdefghijj", 1)]
    [InlineData(@"(a)(b)(c)(d)(e)(f)(g)(h)(i)(j)\11", "abcdefghij\t", 1)]
    [InlineData(@"\10(a)(b)(c)(d)(e)(f)(g)(h)(i)(j)", "\babcdefghij", 1)]
    [InlineData(@"(a)\12", "a\n", 1)]
    [InlineData(@"(a)\08", "a\08", 1)]
    [InlineData(@"\18", "\u00018", 1)]
    [InlineData(@"(a)\80", "a80", 1)]
    [InlineData(@"\91", "91", 1)]
    [InlineData(@"[\10]", "10\b", 1)]
    [InlineData(@"[\80]", "08", 2)]
    public void A_number_is_a_back_reference_an_octal_number_or_its_digits(string pattern, string text, int count)
    {
        var parts = new List<PatternMatch>();
        new RegexPattern(pattern).Find(text, parts);
        Assert.Equal(count, parts.Count(part => part.IsMatch));
    }

    [Theory]
    [InlineData(@"(a)\8")]
    [InlineData(@"(a)\9")]
    [InlineData(@"(a)\k<10>")]
    public void A_back_reference_to_no_group_is_refused(string pattern) => Assert.Throws<TokenizerException>(() => new RegexPattern(pattern));

    /// <summary>Each of Unicode's cases once, as .NET pairs them, before and behind each other.</summary>
    [Fact]
    public void A_back_reference_that_ignores_case_finds_every_other_case_of_one_length_and_nothing_else()
    {
        var regex = new RegexPattern(@"(?i)(.)\1");
        var parts = new List<PatternMatch>();
        foreach (var value in CodePointSet.Where(rune => !Rune.IsWhiteSpace(rune)).Ranges.SelectMany(range => Enumerable.Range(range.First, range.Last - range.First + 1)))
        {
            var rune = new Rune(value);
            foreach (var other in new[] { Rune.ToUpperInvariant(rune), Rune.ToLowerInvariant(rune) }.Where(other => other != rune))
            {
                parts.Clear();
                regex.Find($"{rune}{other}", parts);
                Assert.Equal((value, rune.Utf8SequenceLength == other.Utf8SequenceLength), (value, parts is [{ IsMatch: true }]));
            }
        }
    }

    private static string Flat(int[] offsets) => string.Join(' ', offsets);

    private static JsonElement Read()
    {
        var path = Path.Combine(ReferenceData.Repository, "tests", "OrleansLLM.Text.Tests", "Recorded", "oniguruma.json");
        using var document = JsonDocument.Parse(File.ReadAllBytes(path));
        return document.RootElement.Clone();
    }
}
