using System.Globalization;
using System.Text;
using System.Text.Json;

namespace OrleansLLM.Files;

/// <summary>
/// JSON as Python's json module writes it: values may be <c>NaN</c>, <c>Infinity</c> and <c>-Infinity</c>, which JSON itself has not. Text is
/// parsed as it is; only where that fails, once more with stand-ins for those words: a number beyond a double's range, which is read as infinity,
/// and the string "NaN", each so written as nobody else does.
/// </summary>
public static class PythonJson
{
    private static readonly (byte[] Word, byte[] StandIn)[] Words =
    [
        ("NaN"u8.ToArray(), "\"\\u004EaN\""u8.ToArray()),
        ("Infinity"u8.ToArray(), "1e+0999999"u8.ToArray()),
        ("-Infinity"u8.ToArray(), "-1e+0999999"u8.ToArray()),
    ];

    /// <summary>Calls <paramref name="parse"/> with the text, and where it throws a <see cref="JsonException"/>, once more with stand-ins.</summary>
    /// <param name="json">UTF-8, with or without a byte order mark.</param>
    /// <param name="parse">The parser.</param>
    /// <exception cref="JsonException">The text is malformed otherwise; its place is that in the text as it is.</exception>
    public static T Parse<T>(ReadOnlyMemory<byte> json, Func<ReadOnlyMemory<byte>, T> parse)
    {
        ArgumentNullException.ThrowIfNull(parse);
        json = json.Span.StartsWith("\uFEFF"u8) ? json[3..] : json;
        try
        {
            return parse(json);
        }
        catch (JsonException)
        {
            var shifts = new List<Shift>();
            if (WithStandIns(json.Span, shifts) is not { } readable)
            {
                throw;
            }

            try
            {
                return parse(readable);
            }
            catch (JsonException error)
            {
                throw Moved(error, shifts);
            }
        }
    }

    /// <summary>A value as it stands in the text, with the words that it has there.</summary>
    public static string Show(JsonElement value) => Words.Aggregate(
        value.GetRawText(),
        (text, found) => text.Replace(Encoding.UTF8.GetString(found.StandIn), Encoding.UTF8.GetString(found.Word), StringComparison.Ordinal));

    /// <summary>Null where no such word stands in the place of a value.</summary>
    private static byte[]? WithStandIns(ReadOnlySpan<byte> json, List<Shift> shifts)
    {
        var result = new MemoryStream(json.Length);
        var (copied, line, lineStart) = (0, 0L, 0L);
        var before = (byte)' '; // the last byte that is no white space
        for (var i = 0; i < json.Length; i++)
        {
            if (json[i] == '"')
            {
                i += StringLength(json[i..]) - 1;
            }
            else if (json[i] == '\n')
            {
                (line, lineStart) = (line + 1, result.Length + i + 1 - copied);
            }
            else if (before is (byte)':' or (byte)'[' or (byte)',' && WordAt(json[i..]) is { } found)
            {
                result.Write(json[copied..i]);
                result.Write(found.StandIn);
                i += found.Word.Length - 1;
                copied = i + 1;
                shifts.Add(new Shift(line, result.Length - lineStart, found.StandIn.Length - found.Word.Length));
            }

            before = i < json.Length && !IsWhite(json[i]) ? json[i] : before;
        }

        if (shifts.Count == 0)
        {
            return null;
        }

        result.Write(json[copied..]);
        return result.ToArray();
    }

    private static (byte[] Word, byte[] StandIn)? WordAt(ReadOnlySpan<byte> json)
    {
        foreach (var found in Words)
        {
            if (json.StartsWith(found.Word) && EndsValue(json[found.Word.Length..]))
            {
                return found;
            }
        }

        return null;
    }

    /// <summary>What a value may be followed by; behind a name there is a colon, and a name must be a string.</summary>
    private static bool EndsValue(ReadOnlySpan<byte> behind)
    {
        var rest = behind.TrimStart(" \t\r\n"u8);
        return rest.IsEmpty || rest[0] is (byte)',' or (byte)']' or (byte)'}';
    }

    private static bool IsWhite(byte value) => value is (byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n';

    /// <summary>Of a string that begins here, with both quotes; the rest of a text in which it does not end.</summary>
    private static int StringLength(ReadOnlySpan<byte> json)
    {
        for (var i = 1; i < json.Length; i++)
        {
            if (json[i] == '\\')
            {
                i++;
            }
            else if (json[i] == '"')
            {
                return i + 1;
            }
        }

        return json.Length;
    }

    private static JsonException Moved(JsonException error, List<Shift> shifts)
    {
        if (error is not { LineNumber: { } line, BytePositionInLine: { } place })
        {
            return error;
        }

        var moved = place - shifts.Where(shift => shift.Line == line && shift.End <= place).Sum(shift => shift.Bytes);
        var message = error.Message.Replace(Say($"BytePositionInLine: {place}"), Say($"BytePositionInLine: {moved}"), StringComparison.Ordinal);
        return new JsonException(message, error.Path, line, moved, error);
    }

    private static string Say(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    /// <summary>A stand-in that ends at a place of its line and is that many bytes longer than what it stands for.</summary>
    private readonly record struct Shift(long Line, long End, int Bytes);
}
