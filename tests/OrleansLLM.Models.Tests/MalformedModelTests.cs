using OrleansLLM.Compute;
using OrleansLLM.Files;
using OrleansLLM.Testing;

namespace OrleansLLM.Models.Tests;

[Trait("Category", "Reference")]
public class MalformedModelTests
{
    public static TheoryData<string, string> Files => [.. MalformedFiles.Of("gguf"), .. MalformedFiles.Of("checkpoint")];

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Files))]
    public void A_broken_model_is_refused_with_a_sentence_and_a_sound_one_loads(string path, string expect)
    {
        if (expect == "load")
        {
            Feature.SkipUnlessBuilt(ModelFeatures.Of(path));
        }

        try
        {
            using var file = ModelFile.Open(path);
            Assert.NotEqual("refuse", expect);
            foreach (var create in TestDevices.Every)
            {
                using var device = create();
                using var model = file.Load(device, new(16, 4, ElementType.Float32));
                Assert.True(model.Facts.VocabularySize > 0);
            }
        }
        catch (FileFormatException error)
        {
            Assert.NotEqual("load", expect);
            Assert.StartsWith(path, error.Message, StringComparison.Ordinal);
        }
    }
}
