using System.Globalization;
using System.Text;

namespace OrleansLLM.Templates.Library;

/// <summary>strftime as glibc has it in the C locale, for a moment without a time zone.</summary>
internal static class Strftime
{
    private static readonly DateTimeFormatInfo Names = CultureInfo.InvariantCulture.DateTimeFormat;

    public static string Format(DateTimeOffset now, string format)
    {
        var text = new StringBuilder();
        for (var at = 0; at < format.Length; at++)
        {
            if (format[at] != '%')
            {
                text.Append(format[at]);
                continue;
            }

            var start = at++;
            var flags = Take(format, ref at, "_-0^#");
            var width = Take(format, ref at, "0123456789");
            Take(format, ref at, "EO");
            var field = at < format.Length ? Field(now, format[at]) : null;
            text.Append(field is { } known ? Adjust(known, flags, width) : format[start..Math.Min(at + 1, format.Length)]);
        }

        return text.ToString();
    }

    private static string Take(string format, ref int at, string characters)
    {
        var start = at;
        while (at < format.Length && characters.Contains(format[at], StringComparison.Ordinal))
        {
            at++;
        }

        return format[start..at];
    }

    /// <summary>The text of a field, how wide it is by default and what fills it; null for an unknown letter.</summary>
    private static (string Text, int Width, char Fill)? Field(DateTimeOffset now, char letter) =>
        Composition(letter) is { } format ? Name(Format(now, format)) : DateField(now, letter) ?? TimeField(now, letter) ?? Literal(letter);

    /// <summary>The format that a letter is short for.</summary>
    private static string? Composition(char letter) => letter switch
    {
        'c' => "%a %b %e %H:%M:%S %Y",
        'D' or 'x' => "%m/%d/%y",
        'F' => "%Y-%m-%d",
        'r' => "%I:%M:%S %p",
        'R' => "%H:%M",
        'T' or 'X' => "%H:%M:%S",
        _ => null,
    };

    private static (string Text, int Width, char Fill)? DateField(DateTimeOffset now, char letter) => letter switch
    {
        'a' => Name(Names.GetAbbreviatedDayName(now.DayOfWeek)),
        'A' => Name(Names.GetDayName(now.DayOfWeek)),
        'b' or 'h' => Name(Names.GetAbbreviatedMonthName(now.Month)),
        'B' => Name(Names.GetMonthName(now.Month)),
        'C' => Number(now.Year / 100, 2),
        'd' => Number(now.Day, 2),
        'e' => Number(now.Day, 2, ' '),
        'g' => Number(ISOWeek.GetYear(now.DateTime) % 100, 2),
        'G' => Number(ISOWeek.GetYear(now.DateTime), 1),
        'j' => Number(now.DayOfYear, 3),
        'm' => Number(now.Month, 2),
        'u' => Number(now.DayOfWeek == DayOfWeek.Sunday ? 7 : (int)now.DayOfWeek, 1),
        'U' => Number((now.DayOfYear + 6 - (int)now.DayOfWeek) / 7, 2),
        'V' => Number(ISOWeek.GetWeekOfYear(now.DateTime), 2),
        'w' => Number((int)now.DayOfWeek, 1),
        'W' => Number((now.DayOfYear + 6 - (((int)now.DayOfWeek + 6) % 7)) / 7, 2),
        'y' => Number(now.Year % 100, 2),
        'Y' => Number(now.Year, 1),
        _ => null,
    };

    private static (string Text, int Width, char Fill)? TimeField(DateTimeOffset now, char letter) => letter switch
    {
        'f' => Number((int)(now.Ticks % TimeSpan.TicksPerSecond / 10), 6),
        'H' => Number(now.Hour, 2),
        'I' => Number(((now.Hour + 11) % 12) + 1, 2),
        'k' => Number(now.Hour, 2, ' '),
        'l' => Number(((now.Hour + 11) % 12) + 1, 2, ' '),
        'M' => Number(now.Minute, 2),
        'p' => Name(now.Hour < 12 ? "AM" : "PM"),
        'P' => Name(now.Hour < 12 ? "am" : "pm"),
        's' => Name(now.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture)),
        'S' => Number(now.Second, 2),
        'z' or 'Z' => Name(""),
        _ => null,
    };

    private static (string Text, int Width, char Fill)? Literal(char letter) => letter switch
    {
        'n' => Name("\n"),
        't' => Name("\t"),
        '%' => Name("%"),
        _ => null,
    };

    private static (string Text, int Width, char Fill) Name(string text) => (text, 0, ' ');

    private static (string Text, int Width, char Fill) Number(int number, int width, char fill = '0') =>
        (number.ToString(CultureInfo.InvariantCulture), width, fill);

    private static string Adjust((string Text, int Width, char Fill) field, string flags, string width)
    {
        var (text, size, fill) = field;
        size = width.Length > 0 && int.TryParse(width, NumberStyles.None, CultureInfo.InvariantCulture, out var given) ? Math.Min(given, 1000) : size;
        foreach (var flag in flags)
        {
            (text, size, fill) = flag switch
            {
                '-' => (text, 0, fill),
                '_' => (text, size, ' '),
                '0' => (text, size, '0'),
                '^' => (text.ToUpperInvariant(), size, fill),
                _ => (text.Any(char.IsLower) ? text.ToUpperInvariant() : text.ToLowerInvariant(), size, fill),
            };
        }

        return text.PadLeft(size, fill);
    }
}
