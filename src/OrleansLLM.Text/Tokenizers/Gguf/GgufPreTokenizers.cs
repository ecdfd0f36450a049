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
    private const string DeepSeekWords = @"[!""#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"
        + @"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    private static readonly GgufPreTokenizer Gpt2 = new([KnownPatterns.Gpt2], WholePieces.Merged, AddsBeginning: false);
    private static readonly GgufPreTokenizer SmolLm = new([KnownPatterns.Number, KnownPatterns.Gpt2], WholePieces.Merged, AddsBeginning: false);
    private static readonly GgufPreTokenizer Qwen2 = new([KnownPatterns.SingleDigits], WholePieces.Merged, AddsBeginning: false);
    private static readonly GgufPreTokenizer Llama3 = new([KnownPatterns.TripleDigits], WholePieces.LookedUp, AddsBeginning: true);
    private static readonly GgufPreTokenizer Gpt4 = new([KnownPatterns.TripleDigits], WholePieces.Merged, AddsBeginning: false);
    private static readonly GgufPreTokenizer Gpt4o = new([KnownPatterns.O200k], WholePieces.Merged, AddsBeginning: false);
    private static readonly GgufPreTokenizer Tekken = new([KnownPatterns.Tekken], WholePieces.LookedUp, AddsBeginning: true);
    private static readonly GgufPreTokenizer DeepSeek3 =
        new([@"\p{N}{1,3}", Cjk, DeepSeekWords], WholePieces.Merged, AddsBeginning: false);

    private static readonly Dictionary<string, GgufPreTokenizer> Rows = new(StringComparer.Ordinal)
    {
        ["gpt-2"] = Gpt2, ["gpt2"] = Gpt2, ["phi-2"] = Gpt2, ["mpt"] = Gpt2, ["olmo"] = Gpt2, ["jais"] = Gpt2, ["gigachat"] = Gpt2,
        ["jina-es"] = Gpt2, ["jina-de"] = Gpt2, ["jina-v2-es"] = Gpt2, ["jina-v2-de"] = Gpt2, ["a.x-4.0"] = Gpt2, ["mellum"] = Gpt2,
        ["exaone4"] = Gpt2, ["trillion"] = Gpt2, ["granite-docling"] = Gpt2,
        ["smollm"] = SmolLm, ["starcoder"] = SmolLm, ["refact"] = SmolLm, ["command-r"] = SmolLm, ["codeshell"] = SmolLm,
        ["exaone"] = SmolLm, ["minerva-7b"] = SmolLm,
        ["qwen2"] = Qwen2, ["deepseek-r1-qwen"] = Qwen2, ["kormo"] = Qwen2, ["megrez"] = Qwen2, ["stablelm2"] = Qwen2, ["hunyuan"] = Qwen2,
        ["grok-2"] = Qwen2,
        ["llama-bpe"] = Llama3, ["llama3"] = Llama3, ["llama-v3"] = Llama3, ["falcon3"] = Llama3, ["falcon-h1"] = Llama3,
        ["pixtral"] = Llama3, ["midm-2.0"] = Llama3, ["lfm2"] = Llama3, ["jina-v5-nano"] = Llama3,
        ["dbrx"] = Gpt4, ["smaug-bpe"] = Gpt4, ["glm4"] = Gpt4, ["chatglm-bpe"] = Gpt4,
        ["gpt-4o"] = Gpt4o, ["llama4"] = Gpt4o, ["minimax-m2"] = Gpt4o,
        ["tekken"] = Tekken,
        ["deepseek-v3"] = DeepSeek3,
    };

    public static IReadOnlyCollection<string> Names => Rows.Keys;

    /// <exception cref="TokenizerException">The name is missing or unknown.</exception>
    public static GgufPreTokenizer Find(string? name) => name is not null && Rows.TryGetValue(name, out var row)
        ? row
        : throw new TokenizerException($"tokenizer.ggml.pre is {(name is null ? "missing" : $"'{name}'")}, so how texts are split is unknown; "
            + $"known are {string.Join(", ", Rows.Keys)}. Convert the model anew, or load its folder with tokenizer.json");
}
