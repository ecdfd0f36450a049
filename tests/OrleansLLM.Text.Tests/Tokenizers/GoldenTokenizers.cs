using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using OrleansLLM.Testing;
using OrleansLLM.Text.Tokenizers;

namespace OrleansLLM.Text.Tests.Tokenizers;

/// <summary>A case folder with a tokenizer.json and its answers; mismatches are collected, so that one run shows them all.</summary>
internal sealed class GoldenTokenizers
{
    private const int MaxShown = 8;

    private readonly List<string> _mismatches = [];
    private int _mismatchCount;

    private GoldenTokenizers(PipelineTokenizer tokenizer, EncoderLimits limits, JsonElement cases)
    {
        Tokenizer = tokenizer;
        Limits = limits;
        Cases = cases;
    }

    public PipelineTokenizer Tokenizer { get; }

    public EncoderLimits Limits { get; }

    public JsonElement Cases { get; }

    /// <summary>Loads a case; one that names what is not built is skipped.</summary>
    public static GoldenTokenizers Load(string folder)
    {
        var file = Path.Combine(folder, "tokenizer.json");
        Feature.SkipUnlessBuilt(TokenizerFeatures.Of(folder));
        using var document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "cases.json")));
        return new GoldenTokenizers(Prepare(TokenizerLoader.FromFolder(folder)), EncoderLimits.Read(file), document.RootElement.Clone());
    }

    /// <summary>Waits for a tokenizer's last tables: its answers come from them, and what keeps them from being built is thrown.</summary>
    public static PipelineTokenizer Prepare(TextTokenizer tokenizer)
    {
        var pipeline = (PipelineTokenizer)tokenizer;
        pipeline.Prepared.GetAwaiter().GetResult();
        return pipeline;
    }

    public IEnumerable<JsonElement> List(string name) =>
        Cases.TryGetProperty(name, out var list) ? list.EnumerateArray() : [];

    public void Compare<T>(string what, string text, IEnumerable<T> expected, IEnumerable<T> actual)
    {
        if (!expected.SequenceEqual(actual))
        {
            Report($"{what} of {Show(text)}: expected [{string.Join(", ", expected)}], got [{string.Join(", ", actual)}]");
        }
    }

    public void Compare(string what, string text, string expected, string actual)
    {
        if (!string.Equals(expected, actual, StringComparison.Ordinal))
        {
            Report($"{what} of {Show(text)}: expected {Show(expected)}, got {Show(actual)}");
        }
    }

    public void AssertNone() => Assert.True(
        _mismatchCount == 0, $"{_mismatchCount} mismatches\n{string.Join("\n", _mismatches)}");

    /// <summary>Numbers of pieces, and <see cref="TokenizedText.NoWord"/> where the reference has none.</summary>
    public static IEnumerable<int> Words(JsonElement list) =>
        list.EnumerateArray().Select(word => word.ValueKind == JsonValueKind.Null ? TokenizedText.NoWord : word.GetInt32());

    public static int[] Integers(JsonElement list) => [.. list.EnumerateArray().Select(value => value.GetInt32())];

    public static string Hash(IEnumerable<int> ids) =>
        Convert.ToHexStringLower(SHA256.HashData(ids.SelectMany(BitConverter.GetBytes).ToArray()));

    public static string Show(string text) => JsonSerializer.Serialize(text.Length > 90 ? text[..90] : text);

    /// <summary>The text of each id, null where it shows nothing yet, as the reference writes it.</summary>
    public static (List<string?> Texts, string Finished) Stream(TextTokenizer tokenizer, IEnumerable<int> ids, SpecialTokens special)
    {
        var decoder = tokenizer.CreateStreamDecoder(special);
        var texts = ids.Select(id => decoder.Add(id)).Select(text => text.Length == 0 ? null : text).ToList();
        return (texts, decoder.Finish());
    }

    public static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);

    private void Report(string message)
    {
        _mismatchCount++;
        if (_mismatches.Count < MaxShown)
        {
            _mismatches.Add(message);
        }
    }
}
