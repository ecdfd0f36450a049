using System.Text.RegularExpressions;
using OrleansLLM.Compute;
using OrleansLLM.Models.Configuration;
using OrleansLLM.Testing;

namespace OrleansLLM.Models.Tests;

public class ModelCatalogTests
{
    [Fact]
    public void The_rows_are_those_of_the_list_of_what_is_built()
    {
        Built.ModelTypes.AssertEquals(ModelCatalog.All.Select(row => row.ModelType));
        Built.ModelClasses.AssertEquals(ModelCatalog.All.Select(row => row.ClassName));
        Built.GgufArchitectures.AssertEquals(ModelCatalog.All.Select(row => row.GgufName));
    }

    [Fact]
    public void Activations_and_rotary_scalings_are_those_of_the_list_of_what_is_built()
    {
        Built.Activations.AssertEquals(ActivationNames.All);
        Built.RopeScalings.AssertEquals(Enum.GetNames<RopeScaling>().Select(name => name.ToLowerInvariant()));
    }

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
