using OrleansLLM.Text.Tokenizers.Models;
using OrleansLLM.Text.Tokenizers.Patterns;
using OrleansLLM.Text.Tokenizers.PreTokenizers;

namespace OrleansLLM.Text.Tokenizers.Gguf;

/// <summary>How a GGUF file of kind gpt2 splits its texts; its header only names it.</summary>
/// <param name="Patterns">Applied one after the other; each match is a piece.</param>
/// <param name="WholePieces">Whether a piece in the vocabulary is one token.</param>
/// <param name="AddsBeginning">Whether texts begin with BOS where the file doesn't say.</param>
internal sealed record GgufPreTokenizer(IReadOnlyList<string> Patterns, WholePieces WholePieces, bool AddsBeginning)
{
    public IPreTokenizer Build() => new PreTokenizerSequence(
    [
        .. Patterns.Select(pattern => new SplitPreTokenizer(new RegexPattern(pattern), SplitBehavior.Isolated)),
        new ByteLevelPreTokenizer(PrefixSpace.None, words: null),
    ]);
}

/// <summary>
/// The names that llama.cpp's converter writes (llama-vocab.cpp), with the patterns of the models' own tokenizer.json files. To add one,
/// add a row; an unknown name is refused, since a guess gives wrong ids silently.
/// </summary>
internal static class GgufPreTokenizers
{
    private const string Cjk = "[一-龥\u3040-ゟ゠-ヿ]+";
    private const string OldCjk = "[一-龥ࠀ-一가-퟿]+";
    private const string Spaces = @"|\s+(?!\S)|\s+";
    private const string DeepSeekWords = @"[!""#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+";
    private const string DeepSeekLetters = @"\s?["
        + @"A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗὙὛὝὟ-\u1F7Dᾀ-ᾴᾶ-ᾼ\u1FBE"
        + @"ῂ-ῄῆ-ῌῐ-\u1FD3ῖ-\u1FDBῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤ\u2126ℨ\u212A-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-"
        + @"𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃"
        + "]+";
    private const string Words = @"[^\r\n\p{L}\p{N}]?\p{L}+";
    private const string SymbolsAndLines = @"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+" + Spaces;
    private const string BloomWords = " ?[^(\\s|.,!?…。，、।۔،)]+";

    private static readonly GgufPreTokenizer Gpt2 = Merging(KnownPatterns.Gpt2);
    private static readonly GgufPreTokenizer SmolLm = Merging(KnownPatterns.Number, KnownPatterns.Gpt2);
    private static readonly GgufPreTokenizer Qwen2 = Merging(KnownPatterns.SingleDigits);
    private static readonly GgufPreTokenizer Qwen35 = Merging(KnownPatterns.MarkedLetters);
    private static readonly GgufPreTokenizer Llama3 = new([KnownPatterns.TripleDigits], WholePieces.LookedUp, AddsBeginning: true);
    private static readonly GgufPreTokenizer Gpt4 = Merging(KnownPatterns.TripleDigits);
    private static readonly GgufPreTokenizer Gpt4o = Merging(KnownPatterns.O200k);
    private static readonly GgufPreTokenizer Tekken = new([KnownPatterns.Tekken], WholePieces.LookedUp, AddsBeginning: true);
    private static readonly GgufPreTokenizer DeepSeek3 = Merging(@"\p{N}{1,3}", Cjk, DeepSeekWords + @"[\r\n]*|\s*[\r\n]+" + Spaces);
    private static readonly GgufPreTokenizer Spark = Merging(@"\p{N}{1,3}", Cjk, DeepSeekWords + @"|[\r\n]" + Spaces, KnownPatterns.Number);
    private static readonly GgufPreTokenizer DeepSeek =
        Merging("[\r\n]", DeepSeekLetters, @"\s?[!-/:-~！-／：-～‘-‟\u3000-。]+", @"\s+$", OldCjk, KnownPatterns.Number);
    private static readonly GgufPreTokenizer DeepSeekCoder = Merging("[\r\n]", @"\s?\p{L}+", @"\s?\p{P}+", OldCjk, KnownPatterns.Number);
    private static readonly GgufPreTokenizer Falcon = Merging(@"[\p{P}$+<=>\^~|`]+", KnownPatterns.Gpt2, "[0-9][0-9][0-9]");
    private static readonly GgufPreTokenizer Bloom = Merging(BloomWords);
    private static readonly GgufPreTokenizer Viking = Merging(BloomWords, KnownPatterns.Number);
    private static readonly GgufPreTokenizer SuperBpe = Merging(@"\p{N}+", @"(?=(\d{3})+(?!\d))");
    private static readonly GgufPreTokenizer TinyAya = Merging(@"\d{1,3}(?=(?:\d{3})*\b)", KnownPatterns.O200k);
    private static readonly GgufPreTokenizer Laguna = Merging(@"[^\n]+|[\n]+", KnownPatterns.SingleDigits);
    private static readonly GgufPreTokenizer MiniCpm5 = new(
        [@"\p{N}{1,3}", $@"{KnownPatterns.Contractions}|{Words}|\p{{N}}+" + SymbolsAndLines], WholePieces.LookedUp, AddsBeginning: false);
    private static readonly GgufPreTokenizer SeedCoder =
        Merging($@"{KnownPatterns.Contractions}|{Words}|\p{{N}}| ?[^\s\p{{L}}\p{{N}}\r\n]+|\s*[\r\n]+" + Spaces);
    private static readonly GgufPreTokenizer Ufakzeka = Merging(Words + @"|\p{N}" + SymbolsAndLines);
    private static readonly GgufPreTokenizer BailingMoe =
        Merging(@"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]" + Spaces);
    private static readonly GgufPreTokenizer ExaoneMoe = Merging(
        $@"{KnownPatterns.Contractions}|[^\r\n\p{{L}}\p{{N}}]?(?:\p{{L}}\p{{M}}*(?: \p{{L}}\p{{M}}*)*)+|\p{{N}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]?|\s*[\r\n]" + Spaces);

    private static readonly Dictionary<string, GgufPreTokenizer> Rows = new(StringComparer.Ordinal)
    {
        ["gpt-2"] = Gpt2, ["gpt2"] = Gpt2, ["phi-2"] = Gpt2, ["mpt"] = Gpt2, ["olmo"] = Gpt2, ["jais"] = Gpt2, ["gigachat"] = Gpt2,
        ["jina-es"] = Gpt2, ["jina-de"] = Gpt2, ["jina-v2-es"] = Gpt2, ["jina-v2-de"] = Gpt2, ["a.x-4.0"] = Gpt2, ["mellum"] = Gpt2,
        ["exaone4"] = Gpt2, ["trillion"] = Gpt2, ["granite-docling"] = Gpt2, ["modern-bert"] = Gpt2,
        ["smollm"] = SmolLm, ["starcoder"] = SmolLm, ["refact"] = SmolLm, ["command-r"] = SmolLm, ["codeshell"] = SmolLm,
        ["exaone"] = SmolLm, ["minerva-7b"] = SmolLm, ["mellum2"] = SmolLm,
        ["qwen2"] = Qwen2, ["deepseek-r1-qwen"] = Qwen2, ["kormo"] = Qwen2, ["megrez"] = Qwen2, ["stablelm2"] = Qwen2, ["hunyuan"] = Qwen2,
        ["grok-2"] = Qwen2, ["f2llmv2"] = Qwen2, ["solar-open"] = Qwen2,
        ["qwen35"] = Qwen35,
        ["llama-bpe"] = Llama3, ["llama3"] = Llama3, ["llama-v3"] = Llama3, ["falcon3"] = Llama3, ["falcon-h1"] = Llama3,
        ["pixtral"] = Llama3, ["midm-2.0"] = Llama3, ["lfm2"] = Llama3, ["jina-v5-nano"] = Llama3,
        ["dbrx"] = Gpt4, ["smaug-bpe"] = Gpt4, ["glm4"] = Gpt4, ["chatglm-bpe"] = Gpt4,
        ["gpt-4o"] = Gpt4o, ["llama4"] = Gpt4o, ["minimax-m2"] = Gpt4o, ["kanana2"] = Gpt4o, ["talkie"] = Gpt4o,
        ["tekken"] = Tekken,
        ["deepseek-v3"] = DeepSeek3, ["hunyuan-dense"] = DeepSeek3, ["joyai-llm"] = DeepSeek3, ["hy_v4"] = DeepSeek3, ["spark2_5"] = Spark,
        ["deepseek-llm"] = DeepSeek, ["deepseek-coder"] = DeepSeekCoder, ["falcon"] = Falcon,
        ["bloom"] = Bloom, ["poro-chat"] = Bloom, ["gpt3-finnish"] = Bloom, ["viking"] = Viking,
        ["superbpe"] = SuperBpe, ["tiny_aya"] = TinyAya, ["cohere2moe"] = TinyAya, ["laguna"] = Laguna, ["minicpm5"] = MiniCpm5,
        ["seed-coder"] = SeedCoder, ["ufakzeka"] = Ufakzeka, ["exaone-moe"] = ExaoneMoe,
        ["bailingmoe"] = BailingMoe, ["bailingmoe2"] = BailingMoe, ["llada-moe"] = BailingMoe,
    };

    public static IReadOnlyCollection<string> Names => Rows.Keys;

    /// <exception cref="TokenizerException">The name is missing or unknown.</exception>
    public static GgufPreTokenizer Find(string? name) => name is not null && Rows.TryGetValue(name, out var row)
        ? row
        : throw new TokenizerException($"tokenizer.ggml.pre is {(name is null ? "missing" : $"'{name}'")}, so how texts are split is unknown; "
            + $"known are {string.Join(", ", Rows.Keys)}. Convert the model anew, or load its folder with tokenizer.json");

    private static GgufPreTokenizer Merging(params IReadOnlyList<string> patterns) => new(patterns, WholePieces.Merged, AddsBeginning: false);
}
