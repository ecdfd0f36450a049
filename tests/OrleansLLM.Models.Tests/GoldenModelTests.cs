using OrleansLLM.Testing;

namespace OrleansLLM.Models.Tests;

/// <summary>Every reference model against what transformers computed, through chunks, blocks and batches.</summary>
[Trait("Category", "Reference")]
public class GoldenModelTests
{
    private const float Exact = 1e-4f;
    private const float Loose = 1e-3f;

    private static readonly RunShape[] Shapes =
    [
        new(4, 7, Company.Alone),
        new(16, 512, Company.AllPromptsTogether),
        new(4, 16, Company.AllPromptsTogether),
        new(16, 33, Company.Alone),
    ];

    public static TheoryData<string> Folders => [.. ReferenceData.Cases("hf", "golden.json")];

    public static TheoryData<string> FoldersOfTransformers4 => [.. ReferenceData.Cases("hf", "config.v4.json")];

    public static TheoryData<string> GgufFolders => [.. ReferenceData.Cases("gguf", "golden.json")];

    public static TheoryData<string> Checkpoints => [.. ReferenceData.Cases("formats/checkpoints", "golden.json")];

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Folders))]
    public void A_folder_computes_what_transformers_computes(string folder)
    {
        using var file = Open(folder, folder);
        Check(file, folder, Exact);
    }

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(FoldersOfTransformers4))]
    public void A_folder_as_transformers_4_described_it_computes_the_same(string folder)
    {
        using var older = new OlderFolder(folder);
        using var file = Open(folder, older.Path);
        Check(file, folder, Exact);
    }

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(GgufFolders))]
    public void A_gguf_file_computes_what_transformers_computes(string folder)
    {
        using var file = Open(folder, ModelFeatures.GgufPath(folder));
        Check(file, folder, Exact);
    }

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Checkpoints))]
    public void A_checkpoint_of_any_format_computes_what_transformers_computes(string folder)
    {
        using var file = Open(folder, folder);
        Check(file, folder, Loose);
    }

    private static ModelFile Open(string folder, string model)
    {
        Feature.SkipUnlessBuilt(ModelFeatures.KindOf(folder));
        Feature.SkipUnlessBuilt(ModelFeatures.Of(model));
        return ModelFile.Open(model);
    }

    private static void Check(ModelFile file, string folder, float tolerance)
    {
        var check = new GoldenCheck(GoldenCase.Read(folder), tolerance);
        foreach (var shape in Shapes)
        {
            check.Run(file, TestDevices.Create(), shape);
        }

        check.Run(file, new ReferenceDevice(), Shapes[0]);
    }
}
