using System.Text;
using System.Text.Json.Nodes;
using OrleansLLM.Text.Tokenizers;
using OrleansLLM.Text.Tokenizers.Gguf;
using OrleansLLM.Text.Tokenizers.Patterns;

namespace OrleansLLM.Text.Tests.Tokenizers;

public sealed class TokenizerJsonTests
{
    [Theory]
    [InlineData("normalizer", "{\"type\":\"Magic\"}", "Magic")]
    [InlineData("pre_tokenizer", "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"(a\"},\"behavior\":\"Isolated\",\"invert\":false}", "not closed")]
    [InlineData("decoder", "{\"type\":\"Strip\",\"content\":\" \"}", "start")]
    [InlineData("post_processor", "[]", "post_processor")]
    [InlineData("model", "{\"type\":\"Unigram\",\"vocab\":[]}", "Unigram is not built")]
    [InlineData("model", "{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[\"a b\"]}", "'b'")]
    [InlineData("model", "{\"type\":\"BPE\",\"vocab\":{\"a\":-1},\"merges\":[]}", "-1")]
    [InlineData("model", "{\"type\":\"BPE\",\"merges\":[]}", "vocab")]
    public void What_is_wrong_is_said_with_its_place(string key, string value, string expected)
    {
        var file = SmallTokenizers.ByteLevelFile();
        file[key] = JsonNode.Parse(value);
        Assert.Contains(expected, Assert.Throws<TokenizerException>(() => SmallTokenizers.Read(file)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_damaged_file_is_refused_or_works()
    {
        var bytes = Encoding.UTF8.GetBytes(SmallTokenizers.ByteLevelFile().ToJsonString());
        var random = new Random(3);
        var refused = 0;
        for (var round = 0; round < 3000; round++)
        {
            var damaged = bytes.ToArray();
            for (var i = random.Next(1, 4); i > 0; i--)
            {
                damaged[random.Next(damaged.Length)] = (byte)(random.Next(3) == 0 ? random.Next(256) : "{}[]\",:0\\"[random.Next(9)]);
            }

            refused += Survives(damaged.AsMemory(0, random.Next(4) == 0 ? random.Next(damaged.Length) : damaged.Length)) ? 0 : 1;
        }

        Assert.InRange(refused, 1, 2999);
    }

    [Fact]
    public void A_gguf_files_unknown_way_to_split_is_refused_with_the_known_ones()
    {
        Assert.All(new[] { "default", "nonsense", null }, name =>
            Assert.Contains("llama-bpe", Assert.Throws<TokenizerException>(() => GgufPreTokenizers.Find(name)).Message, StringComparison.Ordinal));
        Assert.All(GgufPreTokenizers.Names, name => GgufPreTokenizers.Find(name).Build());
    }

    [Theory]
    [InlineData(@"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")]
    [InlineData(@"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")]
    [InlineData(@"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+")]
    public void Widespread_patterns_are_compiled_with_the_program(string pattern) =>
        Assert.NotNull(KnownPatterns.Find(RegexTranslator.Translate(pattern).Pattern));

    [Theory]
    [InlineData(@"\p{L}++x?+", "ab\U00020000x", "ab\U00020000x")]
    [InlineData(@"[\p{L}&&[^\p{Han}]]+", "ab\u4F60\u597D", "ab")]
    [InlineData(@"\p{Han}+", "ab\u4F60\U00020000", "\u4F60\U00020000")]
    [InlineData(@"[a[bc]]+", "xabcx", "abc")]
    [InlineData(@"[^a[^b]]+", "acbb", "bb")]
    [InlineData(@"(?i:'s)", "it'\u017F", "'\u017F")]
    [InlineData(@"\h{2}", "zzAf", "Af")]
    [InlineData(@"\x{1F600}+", "a\U0001F600\U0001F600", "\U0001F600\U0001F600")]
    [InlineData(@"[[:alpha:]]+", "1ab2", "ab")]
    [InlineData(@"^b$", "a\nb\nc", "b")]
    [InlineData(@"[[:punct:]]+", "a$\u00A9!b", "$\u00A9!")]
    [InlineData(@"\p{Punct}+", "a$\u00A9!b", "!")]
    [InlineData(@"\w+", "\u200Da\u00B2\u200C", "a\u00B2")]
    [InlineData(@"[\w]+", "a\u00B2", "a")]
    [InlineData(@"a\b.", "a\u00B2a\u200D", "a\u200D")]
    [InlineData("(?i:[a-z]+)", "1A\u017Fk", "A\u017Fk")]
    [InlineData(@"\p{Han}+", "\U0002FFFE\U00020000", "\U00020000")]
    [InlineData("[\U00010400-\U0001044F]+", "a\U00010400\U0001044Fb\U00010450", "\U00010400\U0001044F")]
    [InlineData(@"[a-z\x{10400}-\x{1044F}]+", "A\U0001044Fz\U00010450", "\U0001044Fz")]
    [InlineData(@"[^\s\p{L}\x{1F600}]+", "a\U00010400\U0001F600\U0001F601\uF000 ", "\U0001F601\uF000")]
    [InlineData(@"\p{So}+", "a\U0001F600\U0001F601.", "\U0001F600\U0001F601")]
    [InlineData(@"\x{1F600}|\p{So}+b", "a\U0001F601\U0001F602b", "\U0001F601\U0001F602b")]
    [InlineData(@"[\u3400-\u4DBF\u4E00-\u9FFF]+", "\U00020000\u3400\u4E00\U0002A6D6", "\u3400\u4E00")]
    [InlineData(@"[\p{Han}\x{1F600}]+", "a\U00020000\u4E00\U0001F600\U0001F601", "\U00020000\u4E00\U0001F600")]
    [InlineData(@"[\u1D00-\u1D2B]+", "\U0001D4EA\u1D00\U00010428", "\u1D00")]
    [InlineData(@"[\x{10000}-\x{10FFFF}]{3}", "ab\U00010000\U0001F600\U0010FFFD", "\U00010000\U0001F600\U0010FFFD")]
    public void A_pattern_matches_as_in_its_own_dialect(string pattern, string text, string expected)
    {
        var matches = new List<PatternMatch>();
        new RegexPattern(pattern).Find(text, matches);
        var match = Assert.Single(matches, match => match.IsMatch);
        Assert.Equal(expected, text[match.Start..match.End]);
    }

    [Theory]
    [InlineData("(a+)+$", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab")]
    [InlineData("(?:a|a)+(?!a|b)|(?:a|aa)+c", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab")]
    public void A_pattern_that_backtracks_without_end_is_an_error(string pattern, string text)
    {
        var file = SmallTokenizers.ByteLevelFile();
        file["pre_tokenizer"] = new JsonObject
        {
            ["type"] = "Split", ["pattern"] = new JsonObject { ["Regex"] = pattern }, ["behavior"] = "Isolated", ["invert"] = false,
        };
        var tokenizer = SmallTokenizers.Read(file);
        var error = Assert.Throws<TokenizerException>(() => tokenizer.Encode(text, [], AddedTokens.None));
        Assert.Contains("longer than", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Normalizers_that_double_a_text_without_end_are_an_error()
    {
        var file = SmallTokenizers.ByteLevelFile();
        var steps = Enumerable.Range(0, 40).Select(_ => JsonNode.Parse("""{"type":"Replace","pattern":{"String":"a"},"content":"aa"}"""));
        file["normalizer"] = new JsonObject { ["type"] = "Sequence", ["normalizers"] = new JsonArray([.. steps]) };
        var tokenizer = SmallTokenizers.Read(file);
        var error = Assert.Throws<TokenizerException>(() => tokenizer.Encode("aaaa", [], AddedTokens.None));
        Assert.Contains("normalizing makes more than", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_added_token_longer_than_any_is_refused()
    {
        var file = SmallTokenizers.ByteLevelFile();
        file["added_tokens"]!.AsArray().Add(new JsonObject { ["id"] = 400, ["content"] = new string('a', 10_000), ["special"] = true });
        Assert.Contains("10000 characters", Assert.Throws<TokenizerException>(() => SmallTokenizers.Read(file)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Many_slow_pieces_are_an_error_too()
    {
        var file = SmallTokenizers.ByteLevelFile();
        file["pre_tokenizer"] = new JsonObject
        {
            ["type"] = "Sequence",
            ["pretokenizers"] = new JsonArray(
                new JsonObject { ["type"] = "WhitespaceSplit" },
                new JsonObject
                {
                    ["type"] = "Split", ["pattern"] = new JsonObject { ["Regex"] = "(a+)+$" }, ["behavior"] = "Isolated", ["invert"] = false,
                }),
        };
        var tokenizer = SmallTokenizers.Read(file);
        var text = string.Concat(Enumerable.Repeat(new string('a', 20) + "b ", 2_000));
        var error = Assert.Throws<TokenizerException>(() => tokenizer.Encode(text, [], AddedTokens.None));
        Assert.Contains("too long", error.Message, StringComparison.Ordinal);
    }

    private static bool Survives(ReadOnlyMemory<byte> json)
    {
        try
        {
            var tokenizer = TokenizerJson.Read(json, TokenizerConfiguration.Empty);
            tokenizer.Decode([.. tokenizer.Encode("hello \u00E9 world<|s|>", [], AddedTokens.PostProcessor)], SpecialTokens.Keep);
            return true;
        }
        catch (TokenizerException)
        {
            return false;
        }
    }
}
