using OrleansLLM.Testing;
using OrleansLLM.Text.Tokenizers.Decoders;
using OrleansLLM.Text.Tokenizers.Gguf;
using OrleansLLM.Text.Tokenizers.Models;
using OrleansLLM.Text.Tokenizers.Normalizers;
using OrleansLLM.Text.Tokenizers.PostProcessors;
using OrleansLLM.Text.Tokenizers.PreTokenizers;

namespace OrleansLLM.Text.Tests.Tokenizers;

public sealed class BuiltTokenizerTests
{
    [Fact]
    public void The_tables_have_the_names_of_the_list_of_what_is_built()
    {
        Built.TokenizerModels.AssertEquals(TokenModelKinds.Names);
        Built.Normalizers.AssertEquals(NormalizerKinds.Names);
        Built.PreTokenizers.AssertEquals(PreTokenizerKinds.Names);
        Built.PostProcessors.AssertEquals(PostProcessorKinds.Names);
        Built.TokenDecoders.AssertEquals(TokenDecoderKinds.Names);
        Built.GgufVocabularies.AssertEquals(GgufTokenizers.Names);
        Built.GgufPreTokenizers.AssertEquals(GgufPreTokenizers.Names);
    }
}
