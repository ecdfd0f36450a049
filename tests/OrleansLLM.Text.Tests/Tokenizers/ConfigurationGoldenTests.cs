using System.Text.Json;
using OrleansLLM.Testing;

namespace OrleansLLM.Text.Tests.Tokenizers;

[Trait("Category", "Reference")]
public sealed class ConfigurationGoldenTests
{
    public static TheoryData<string> Folders => [.. ReferenceData.Cases("tokenizers/cfg", "cases.json")];

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Folders))]
    public void A_folder_with_tokenizer_config_encodes_and_decodes_as_the_reference(string folder)
    {
        var golden = GoldenTokenizers.Load(folder);
        var tokenizer = golden.Tokenizer;
        foreach (var property in golden.Cases.GetProperty("added").EnumerateObject())
        {
            golden.Compare("added token", property.Name, [property.Value.GetInt32()], [tokenizer.TryGetId(property.Name, out var id) ? id : -1]);
        }

        golden.Compare("vocabulary size", "", [golden.Cases.GetProperty("vocab_size").GetInt32()], [tokenizer.VocabularySize]);
        foreach (var id in GoldenTokenizers.Integers(golden.Cases.GetProperty("all_special_ids")))
        {
            golden.Compare("special", $"{id}", [true], [tokenizer.IsSpecial(id)]);
        }

        foreach (var item in golden.List("cases"))
        {
            Compare(golden, item);
        }

        golden.AssertNone();
    }

    private static void Compare(GoldenTokenizers golden, JsonElement item)
    {
        var text = item.GetProperty("text").GetString()!;
        var ids = GoldenTokenizers.Integers(item.GetProperty("ids"));
        golden.Compare("ids", text, ids, golden.Tokenizer.Encode(text, [], AddedTokens.None));
        var full = item.TryGetProperty("full_ids", out var given) ? GoldenTokenizers.Integers(given) : ids;
        golden.Compare("full ids", text, full, golden.Tokenizer.Encode(text, [], AddedTokens.PostProcessor));
        var decoded = item.GetProperty("decoded").GetString()!;
        golden.Compare("decoded", text, decoded, golden.Tokenizer.Decode(full, SpecialTokens.Skip));
        var all = item.TryGetProperty("decoded_all", out var kept) ? kept.GetString()! : decoded;
        golden.Compare("decoded with special tokens", text, all, golden.Tokenizer.Decode(full, SpecialTokens.Keep));
    }
}
