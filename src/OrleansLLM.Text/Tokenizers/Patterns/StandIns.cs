using System.Globalization;
using System.Text;

namespace OrleansLLM.Text.Tokenizers.Patterns;

/// <summary>
/// UTF-16 units that stand for characters above U+FFFF while a regular expression runs: rare characters of the same category, so that
/// every property a pattern asks for has the same answer.
/// </summary>
internal static class StandIns
{
    private const char CircledLetter = '\u24B6';

    /// <summary>Indexed by <see cref="UnicodeCategory"/>.</summary>
    private static readonly char[] ByCategory =
    [
        '\u10A0', '\u2C30', '\u1F88', '\uA4F8', '\uA000', // Lu Ll Lt Lm Lo
        '\u1DC0', '\u1B35', '\u0488', // Mn Mc Me
        '\u1B50', '\u16EE', '\u0F2A', // Nd Nl No
        '\u2000', '\u2028', '\u2029', '\u0091', '\u2061', '\uFFFD', '\uE000', // Zs Zl Zp Cc Cf Cs Co
        '\u203F', '\u2E17', '\u2E28', '\u2E29', '\u2E02', '\u2E03', '\u1B5A', // Pc Pd Ps Pe Pi Pf Po
        '\u2A00', '\u20B0', '\uA700', '\u2800', '\u0378', // Sm Sc Sk So Cn
    ];

    /// <summary>Whether one of them lies in a range of code points: a pattern that names it means that character.</summary>
    public static bool AnyIn(int first, int last) =>
        Array.Exists([.. ByCategory, CircledLetter], unit => unit >= first && unit <= last);

    public static char For(Rune rune) =>
        Runes.IsCircledLetter(rune.Value) ? CircledLetter : ByCategory[(int)Rune.GetUnicodeCategory(rune)];
}
