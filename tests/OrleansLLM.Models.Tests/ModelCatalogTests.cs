using System.Text.RegularExpressions;
using OrleansLLM.Compute;
using OrleansLLM.Testing;

namespace OrleansLLM.Models.Tests;

public class ModelCatalogTests
{
    [Fact]
    public void Every_promised_architecture_has_a_row() =>
        Assert.Empty(((string[])["llama", "mistral", "qwen2", "qwen3", "gemma2", "gpt2", "mixtral"]).Except(ModelCatalog.Names));

    [Fact]
    public void No_two_rows_claim_the_same_files() =>
        Assert.Distinct(ModelCatalog.All.Select(row => (row.ModelType, row.ClassName)));

    [Fact]
    public void No_model_names_a_format_or_a_device()
    {
        var folder = Path.Combine(ReferenceData.Repository, "src", "OrleansLLM.Models");
        Assert.SkipUnless(Directory.Exists(folder), "the sources are not here");
        var names = new Regex(
            $@"\bWeightFormats\.(?!Find\b|All\b)|\b({string.Join('|', WeightFormats.All.Where(format => format.Name.StartsWith('Q')).Select(format => format.Name))})\b|Cpu|Cuda|Torch");
        foreach (var file in Directory.GetFiles(folder, "*.cs", SearchOption.AllDirectories).Where(path => !path.Contains("/obj/", StringComparison.Ordinal)))
        {
            var found = names.Match(File.ReadAllText(file));
            Assert.False(found.Success, $"{file} names {found.Value}");
        }
    }
}
