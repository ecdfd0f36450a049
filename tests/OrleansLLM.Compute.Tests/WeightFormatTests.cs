using System.Text.Json;
using OrleansLLM.Testing;

namespace OrleansLLM.Compute.Tests;

public class WeightFormatTests
{
    /// <summary>Rows of (type, packed file, decoded file) from every index of block formats.</summary>
    public static TheoryData<string, string, string> Parts
    {
        get
        {
            var rows = new TheoryData<string, string, string>();
            var seen = new HashSet<string>(StringComparer.Ordinal);
            foreach (var folder in ReferenceData.Indexes("formats/gguf_blocks"))
            {
                using var index = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "index.json")));
                foreach (var type in index.RootElement.GetProperty("types").EnumerateArray())
                {
                    foreach (var part in type.GetProperty("parts").EnumerateArray().Where(part => seen.Add(Path.GetFileName(FileOf(folder, part, "packed")))))
                    {
                        rows.Add(type.GetProperty("type").GetString()!, FileOf(folder, part, "packed"), FileOf(folder, part, "decoded"));
                    }
                }
            }

            return rows;
        }
    }

    [Theory(SkipTestWithoutData = true)]
    [Trait("Category", "Reference")]
    [MemberData(nameof(Parts))]
    public void A_format_decodes_to_the_same_bits_as_gguf_py_and_llama_cpp(string type, string packed, string decoded)
    {
        Feature.SkipUnlessBuilt(Built.WeightFormats[type]);
        var format = WeightFormats.Find(type)!;
        var blocks = File.ReadAllBytes(packed);
        var expected = File.ReadAllBytes(decoded);
        Assert.Equal(expected.Length / 4, blocks.Length / format.BlockBytes * format.BlockElements);
        var values = new float[expected.Length / 4];
        format.Decode(blocks, values);
        for (var i = 0; i < values.Length; i++)
        {
            var bits = BitConverter.ToInt32(expected, i * 4);
            var same = bits == BitConverter.SingleToInt32Bits(values[i]) || (float.IsNaN(values[i]) && float.IsNaN(BitConverter.Int32BitsToSingle(bits)));
            Assert.True(same, $"weight {i}: {values[i]} is not {BitConverter.Int32BitsToSingle(bits)}");
        }
    }

    [Fact]
    public void The_formats_are_those_of_the_list_of_what_is_built_and_found_by_their_names()
    {
        Built.WeightFormats.AssertEquals(WeightFormats.All.Select(format => format.Name));
        Assert.All(Built.WeightFormats.Names, name => Assert.Equal(name, WeightFormats.Find(name)?.Name));
        Assert.Null(WeightFormats.Find("F99"));
    }

    [Fact]
    public void A_row_has_the_bytes_of_its_blocks() =>
        Assert.All(WeightFormats.All, format => Assert.Equal(3 * format.BlockBytes, format.RowBytes(3 * format.BlockElements)));

    private static string FileOf(string folder, JsonElement part, string name) =>
        Path.Combine(folder, part.GetProperty(name).GetProperty("file").GetString()!);
}
