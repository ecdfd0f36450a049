using System.Text;

namespace OrleansLLM.Text.Tokenizers.Normalizers;

/// <summary>Lower case as Unicode 17 has it, which is newer than .NET 10's.</summary>
internal static class NewerCasing
{
    private const int First = 0x1C89;

    public static Rune ToLower(Rune rune)
    {
        var lower = Rune.ToLowerInvariant(rune);
        return rune.Value < First || lower != rune ? lower : new Rune(ToLower(rune.Value));
    }

    private static int ToLower(int value) => value switch
    {
        0x1C89 or 0xA7CC or 0xA7CE or 0xA7D2 or 0xA7D4 or 0xA7DA => value + 1,
        0xA7CB => 0x264,
        0xA7DC => 0x19B,
        >= 0x10D50 and <= 0x10D65 => value + 0x20,
        >= 0x16EA0 and <= 0x16EB8 => value + 0x1B,
        _ => value,
    };
}
