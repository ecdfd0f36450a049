using System.Text;
using System.Text.Json;
using OrleansLLM.Files;
using OrleansLLM.Text.Tokenizers.Patterns;
using static System.FormattableString;

namespace OrleansLLM.Text.Tokenizers;

/// <summary>One object of a tokenizer.json, and where it stands in the file: what can't be read is said with its place.</summary>
internal readonly record struct TokenizerComponent(JsonElement Element, string Path)
{
    /// <exception cref="TokenizerException">The element is no object.</exception>
    public static TokenizerComponent Of(JsonElement element, string path) => element.ValueKind == JsonValueKind.Object
        ? new TokenizerComponent(element, path)
        : throw new TokenizerException($"{path} is {element.ValueKind}, an object is expected");

    /// <summary>Builds the component that <c>type</c> names.</summary>
    /// <exception cref="TokenizerException">No row has that name, or the settings are malformed.</exception>
    public T Build<T>(string what, Dictionary<string, Func<TokenizerComponent, T>> kinds)
    {
        var kind = String("type");
        if (!kinds.TryGetValue(kind, out var build))
        {
            throw new TokenizerException($"{Path}: the {what} {kind} is not built; built are {string.Join(", ", kinds.Keys)}");
        }

        try
        {
            return build(this);
        }
        catch (TokenizerException error) when (!error.Message.StartsWith(Path, StringComparison.Ordinal))
        {
            throw new TokenizerException($"{Path}: {error.Message}", error);
        }
    }

    public string String(string name) => OptionalString(name) ?? throw Missing(name);

    public string? OptionalString(string name)
    {
        var value = Find(name);
        if (value is null)
        {
            return null;
        }

        try
        {
            return value.Value.ValueKind == JsonValueKind.String ? value.Value.GetString() : throw Wrong(name, "a string");
        }
        catch (InvalidOperationException error)
        {
            throw new TokenizerException($"{Path}.{name} is no valid text", error);
        }
    }

    public bool Boolean(string name) => OptionalBoolean(name) ?? throw Missing(name);

    public bool? OptionalBoolean(string name) => Find(name) switch
    {
        null => null,
        { ValueKind: JsonValueKind.True } => true,
        { ValueKind: JsonValueKind.False } => false,
        _ => throw Wrong(name, "true or false"),
    };

    public int Integer(string name) => OptionalInteger(name) ?? throw Missing(name);

    public int? OptionalInteger(string name) => Find(name) switch
    {
        null => null,
        { ValueKind: JsonValueKind.Number } value when value.TryGetInt32(out var number) && number >= 0 => number,
        _ => throw Wrong(name, "a whole number from 0"),
    };

    /// <summary>A string of one character.</summary>
    public Rune Character(string name)
    {
        var text = String(name);
        return Rune.DecodeFromUtf16(text, out var rune, out var length) == System.Buffers.OperationStatus.Done && length == text.Length
            ? rune
            : throw Wrong(name, "one character");
    }

    /// <summary>A value of an enum, in any case and with underscores.</summary>
    public T? OptionalChoice<T>(string name)
        where T : struct, Enum
    {
        var text = OptionalString(name);
        return text is null
            ? null
            : Enum.TryParse<T>(text.Replace("_", string.Empty, StringComparison.Ordinal), ignoreCase: true, out var value)
                && Enum.IsDefined(value) && !char.IsAsciiDigit(text.Length > 0 ? text[0] : '0')
                ? value
                : throw Wrong(name, $"one of {string.Join(", ", Enum.GetNames<T>())}");
    }

    /// <summary>{"String": ...} or {"Regex": ...}.</summary>
    public IPattern Pattern(string name)
    {
        var pattern = Child(name);
        if (pattern.OptionalString("Regex") is { } regex)
        {
            return new RegexPattern(regex);
        }

        var literal = pattern.String("String");
        return literal.Length == 0 ? new RegexPattern(literal) : new LiteralPattern(literal);
    }

    public TokenizerComponent Child(string name) => Of(Find(name) ?? throw Missing(name), $"{Path}.{name}");

    public IReadOnlyList<TokenizerComponent> Children(string name)
    {
        var list = Find(name) ?? throw Missing(name);
        if (list.ValueKind != JsonValueKind.Array)
        {
            throw Wrong(name, "a list");
        }

        var path = $"{Path}.{name}";
        return [.. list.EnumerateArray().Select((element, index) => Of(element, Invariant($"{path}[{index}]")))];
    }

    /// <summary>The value of a key, or null where it is absent or null.</summary>
    public JsonElement? Find(string name) =>
        Element.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    public TokenizerException Missing(string name) => new($"{Path} has no '{name}'");

    public TokenizerException Wrong(string name, string expected) =>
        new($"{Path}.{name} is {Shorten(PythonJson.Show(Element.GetProperty(name)))}, {expected} is expected");

    private static string Shorten(string text) => text.Length <= 60 ? text : text[..60] + "...";
}
