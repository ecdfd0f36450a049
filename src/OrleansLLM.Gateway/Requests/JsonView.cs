using System.Buffers;
using System.Buffers.Text;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace OrleansLLM.Gateway.Requests;

/// <summary>
/// A value where it lies in a body that <see cref="Http.JsonBody"/> has checked, without a copy or a table of its parts: reading costs time
/// by the byte and no memory. It must not outlive the body. Members are named as those of <see cref="JsonElement"/>.
/// </summary>
/// <param name="text">The value's own bytes, without white space around them.</param>
internal readonly struct JsonView(ReadOnlyMemory<byte> text)
{
    private static readonly SearchValues<byte> ScalarEnds = SearchValues.Create(",]} \t\r\n"u8);
    private static readonly SearchValues<byte> Brackets = SearchValues.Create("\"[]{}"u8);

    private readonly ReadOnlyMemory<byte> _text = text;

    public JsonValueKind ValueKind => _text.Span[0] switch
    {
        (byte)'{' => JsonValueKind.Object,
        (byte)'[' => JsonValueKind.Array,
        (byte)'"' => JsonValueKind.String,
        (byte)'t' => JsonValueKind.True,
        (byte)'f' => JsonValueKind.False,
        (byte)'n' => JsonValueKind.Null,
        _ => JsonValueKind.Number,
    };

    /// <summary>The value of a body that holds one, with white space around it.</summary>
    public static JsonView OfBody(ReadOnlyMemory<byte> body)
    {
        var start = SkipSpace(body.Span, 0);
        return new JsonView(body[start..EndOf(body.Span, start)]);
    }

    public int GetArrayLength() => EnumerateArray().Count();

    public int GetPropertyCount() => EnumerateObject().Count();

    public IEnumerable<JsonView> EnumerateArray()
    {
        for (var at = SkipSpace(_text.Span, 1); _text.Span[at] != ']';)
        {
            var end = EndOf(_text.Span, at);
            yield return new JsonView(_text[at..end]);
            at = Next(_text.Span, end);
        }
    }

    /// <summary>In their order, repeated names included.</summary>
    public IEnumerable<JsonMember> EnumerateObject()
    {
        for (var at = SkipSpace(_text.Span, 1); _text.Span[at] != '}';)
        {
            var nameEnd = EndOf(_text.Span, at);
            var start = SkipSpace(_text.Span, SkipSpace(_text.Span, nameEnd) + 1);
            var end = EndOf(_text.Span, start);
            yield return new JsonMember(_text[at..nameEnd], new JsonView(_text[start..end]));
            at = Next(_text.Span, end);
        }
    }

    /// <summary>Of a repeated name the last value counts.</summary>
    public bool TryGetProperty(string name, out JsonView value)
    {
        JsonView? found = null;
        foreach (var member in EnumerateObject())
        {
            found = member.IsNamed(name) ? member.Value : found;
        }

        value = found.GetValueOrDefault();
        return found is not null;
    }

    public bool TryGetInt64(out long number) =>
        Utf8Parser.TryParse(_text.Span, out number, out var read) && read == _text.Length;

    public bool TryGetDouble(out double number) =>
        Utf8Parser.TryParse(_text.Span, out number, out int read) && read == _text.Length;

    /// <exception cref="InvalidOperationException">It holds half a surrogate pair.</exception>
    public string GetString() => Unescape(_text.Span);

    public bool ValueEquals(string text) => Equals(_text.Span, text);

    /// <summary>Of a number: its own copy, as it is written.</summary>
    public JsonNode? CopyScalar() => ValueKind switch
    {
        JsonValueKind.Number when TryGetInt64(out var number) => JsonValue.Create(number),
        _ => JsonNode.Parse(_text.Span),
    };

    /// <summary>As it is written; of a long one the beginning.</summary>
    public string GetRawText(int most) => Encoding.UTF8.GetString(_text.Span[..Math.Min(_text.Length, most)]);

    internal static string Unescape(ReadOnlySpan<byte> quoted)
    {
        var reader = new Utf8JsonReader(quoted);
        reader.Read();
        return reader.GetString()!;
    }

    internal static bool Equals(ReadOnlySpan<byte> quoted, string text)
    {
        var reader = new Utf8JsonReader(quoted);
        reader.Read();
        return reader.ValueTextEquals(text);
    }

    private static int SkipSpace(ReadOnlySpan<byte> text, int at)
    {
        while (text[at] is (byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n')
        {
            at++;
        }

        return at;
    }

    /// <summary>Behind a value: where the next one begins, or the bracket that ends them.</summary>
    private static int Next(ReadOnlySpan<byte> text, int end)
    {
        end = SkipSpace(text, end);
        return text[end] == ',' ? SkipSpace(text, end + 1) : end;
    }

    /// <summary>Behind the value that begins here.</summary>
    private static int EndOf(ReadOnlySpan<byte> text, int at)
    {
        switch (text[at])
        {
            case (byte)'"':
                return EndOfString(text, at);
            case (byte)'[' or (byte)'{':
                return EndOfContainer(text, at);
            default:
                var length = text[at..].IndexOfAny(ScalarEnds);
                return length < 0 ? text.Length : at + length;
        }
    }

    private static int EndOfString(ReadOnlySpan<byte> text, int at)
    {
        at++;
        while (true)
        {
            at += text[at..].IndexOfAny((byte)'"', (byte)'\\');
            if (text[at] == '"')
            {
                return at + 1;
            }

            at += 2;
        }
    }

    private static int EndOfContainer(ReadOnlySpan<byte> text, int at)
    {
        var depth = 0;
        while (true)
        {
            at += text[at..].IndexOfAny(Brackets);
            switch (text[at])
            {
                case (byte)'"':
                    at = EndOfString(text, at);
                    continue;
                case (byte)'[' or (byte)'{':
                    depth++;
                    break;
                default:
                    depth--;
                    break;
            }

            at++;
            if (depth == 0)
            {
                return at;
            }
        }
    }
}

/// <param name="NameText">In quotes, as it is written.</param>
internal readonly record struct JsonMember(ReadOnlyMemory<byte> NameText, JsonView Value)
{
    public string Name => JsonView.Unescape(NameText.Span);

    public bool IsNamed(string name) => JsonView.Equals(NameText.Span, name);

    public bool IsOneOf(string[] names)
    {
        foreach (var name in names)
        {
            if (IsNamed(name))
            {
                return true;
            }
        }

        return false;
    }
}
