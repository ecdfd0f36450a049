using System.Text.RegularExpressions;

namespace OrleansLLM.Text.Tokenizers.Patterns;

/// <summary>
/// Patterns of widespread tokenizers, compiled with the program. To add one, write the translated pattern and a row; a pattern without a row
/// works too and costs tens of milliseconds when its tokenizer is loaded.
/// </summary>
internal static partial class KnownPatterns
{
    public const string Gpt2 = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    public const string Number = @"\p{N}";

    public const string Contractions = @"(?i:'[sſ]|'t|'re|'ve|'m|'ll|'d)";

    public const string SingleDigits =
        Contractions + @"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    public const string TripleDigits =
        Contractions + @"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    public const string MarkedLetters =
        Contractions + @"|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    private const string Camel = @"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+";
    private const string Capitals = @"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*";
    private const string CamelTail = @"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    public const string O200k = Camel + Contractions + "?|" + Capitals + Contractions + @"?|\p{N}{1,3}" + CamelTail;
    public const string Tekken = Camel + "|" + Capitals + @"|\p{N}" + CamelTail;

    private static readonly (string Pattern, Func<Regex> Build)[] Rows =
    [
        (Gpt2, Gpt2Regex),
        (Number, NumberRegex),
        (SingleDigits, SingleDigitsRegex),
        (TripleDigits, TripleDigitsRegex),
        (MarkedLetters, MarkedLettersRegex),
        (O200k, O200kRegex),
        (Tekken, TekkenRegex),
    ];

    /// <summary>The compiled form of a translated pattern, or null.</summary>
    public static Regex? Find(string translated)
    {
        foreach (var (pattern, build) in Rows)
        {
            if (pattern == translated)
            {
                return build();
            }
        }

        return null;
    }

    [GeneratedRegex(Gpt2, RegexOptions.CultureInvariant, RegexPattern.TimeLimitMilliseconds)]
    private static partial Regex Gpt2Regex();

    [GeneratedRegex(Number, RegexOptions.CultureInvariant, RegexPattern.TimeLimitMilliseconds)]
    private static partial Regex NumberRegex();

    [GeneratedRegex(SingleDigits, RegexOptions.CultureInvariant, RegexPattern.TimeLimitMilliseconds)]
    private static partial Regex SingleDigitsRegex();

    [GeneratedRegex(TripleDigits, RegexOptions.CultureInvariant, RegexPattern.TimeLimitMilliseconds)]
    private static partial Regex TripleDigitsRegex();

    [GeneratedRegex(MarkedLetters, RegexOptions.CultureInvariant, RegexPattern.TimeLimitMilliseconds)]
    private static partial Regex MarkedLettersRegex();

    [GeneratedRegex(O200k, RegexOptions.CultureInvariant, RegexPattern.TimeLimitMilliseconds)]
    private static partial Regex O200kRegex();

    [GeneratedRegex(Tekken, RegexOptions.CultureInvariant, RegexPattern.TimeLimitMilliseconds)]
    private static partial Regex TekkenRegex();
}
