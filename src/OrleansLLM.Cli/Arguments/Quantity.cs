using System.CommandLine.Parsing;
using System.Globalization;

namespace OrleansLLM.Cli.Arguments;

/// <summary>
/// Numbers as <c>vllm serve</c> takes them: plain, with k, m, g (powers of 1000), or with K, M, G and KiB, MiB, GiB (powers of 1024);
/// 25.6k is 25600.
/// </summary>
internal static class Quantity
{
    private static readonly (string Suffix, long Factor)[] Suffixes =
    [
        ("KiB", 1L << 10), ("MiB", 1L << 20), ("GiB", 1L << 30), ("TiB", 1L << 40),
        ("KB", 1L << 10), ("MB", 1L << 20), ("GB", 1L << 30), ("TB", 1L << 40),
        ("K", 1L << 10), ("M", 1L << 20), ("G", 1L << 30), ("T", 1L << 40),
        ("k", 1_000), ("m", 1_000_000), ("g", 1_000_000_000), ("t", 1_000_000_000_000),
    ];

    public static bool TryParse(string text, out long value)
    {
        var factor = 1L;
        foreach (var (suffix, by) in Suffixes)
        {
            if (text.EndsWith(suffix, StringComparison.Ordinal))
            {
                (text, factor) = (text[..^suffix.Length], by);
                break;
            }
        }

        var parsed = decimal.TryParse(
            text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) && number * factor <= long.MaxValue;
        value = parsed ? (long)(number * factor) : 0;
        return parsed;
    }

    /// <summary>Reads an option's value as a whole number between the bounds.</summary>
    public static long? Parse(ArgumentResult result, long least, long most)
    {
        var text = result.Tokens[0].Value;
        if (TryParse(text, out var value) && value >= least && value <= most)
        {
            return value;
        }

        var name = (result.Parent as OptionResult)?.Option.Name ?? result.Argument.Name;
        result.AddError(string.Create(
            CultureInfo.InvariantCulture, $"{name} takes a number from {least} to {most} (such as 4096, 4k or 1.5GiB), not '{text}'."));
        return null;
    }
}
