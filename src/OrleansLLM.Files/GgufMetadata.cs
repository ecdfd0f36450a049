using System.Globalization;

namespace OrleansLLM.Files;

/// <summary>
/// The metadata of a GGUF file by key. A key that is not there gives null; one of another type than asked for is a broken file.
/// </summary>
public sealed class GgufMetadata
{
    private const int ShownElements = 4;

    private readonly string _path;
    private readonly IReadOnlyDictionary<string, GgufValue> _values;

    internal GgufMetadata(string path, IReadOnlyDictionary<string, GgufValue> values)
    {
        _path = path;
        _values = values;
    }

    /// <summary>The keys in the file's order.</summary>
    public IEnumerable<string> Keys => _values.Keys;

    public bool Contains(string key) => _values.ContainsKey(key);

    /// <summary>Whether the key is there and holds an array.</summary>
    public bool IsArray(string key) => _values.TryGetValue(key, out var value) && value.Type == GgufValueType.Array;

    /// <summary>A list's elements, none of which is read.</summary>
    /// <exception cref="FileFormatException">Not a list.</exception>
    public int? Count(string key) => Array(key) is { } value ? value.Count : null;

    /// <summary>A single value as a long, double, bool or string; null where there is none.</summary>
    /// <exception cref="FileFormatException">A list.</exception>
    public object? Scalar(string key) => Single(key)?.Type switch
    {
        null => null,
        GgufValueType.Text => Text(key),
        GgufValueType.Bool => Boolean(key),
        GgufValueType.Float32 or GgufValueType.Float64 => Number(key),
        _ => Integer(key),
    };

    /// <exception cref="FileFormatException">Not a text.</exception>
    public string? Text(string key) =>
        Single(key) is not { } value ? null : value.Type == GgufValueType.Text ? value.Texts()[0] : throw Wrong(key, "a text");

    /// <exception cref="FileFormatException">Not a whole number that 64 bits hold.</exception>
    public long? Integer(string key)
    {
        if (Single(key) is not { } value)
        {
            return null;
        }

        var number = GgufValue.IsInteger(value.Type) ? value.Integer(0) : throw Wrong(key, "a whole number");
        return number <= long.MaxValue ? (long)number : throw Wrong(key, "a number below 2^63");
    }

    /// <summary>A token's id; null where the key names none of a vocabulary's tokens.</summary>
    /// <exception cref="FileFormatException">Not a whole number.</exception>
    public int? TokenId(string key, int vocabularySize) => Integer(key) is { } id && id >= 0 && id < vocabularySize ? (int)id : null;

    /// <exception cref="FileFormatException">Not a number.</exception>
    public double? Number(string key) => Single(key) is not { } value ? null
        : GgufValue.IsInteger(value.Type) || value.Type is GgufValueType.Float32 or GgufValueType.Float64 ? value.Number(0)
        : throw Wrong(key, "a number");

    /// <exception cref="FileFormatException">Not true or false.</exception>
    public bool? Boolean(string key) => Single(key) is not { } value ? null
        : value.Type == GgufValueType.Bool ? value.Integer(0) != 0
        : throw Wrong(key, "true or false");

    /// <exception cref="FileFormatException">Not a list of texts.</exception>
    public IReadOnlyList<string>? Texts(string key) => Array(key) is not { } value ? null
        : value.Count == 0 ? [] : value.ElementType == GgufValueType.Text ? value.Texts() : throw Wrong(key, "a list of texts");

    /// <exception cref="FileFormatException">Not a list of whole numbers.</exception>
    public IReadOnlyList<long>? Integers(string key)
    {
        if (Array(key) is not { } value)
        {
            return null;
        }

        if (value.Count > 0 && !GgufValue.IsInteger(value.ElementType) && value.ElementType != GgufValueType.Bool)
        {
            throw Wrong(key, "a list of whole numbers");
        }

        var numbers = new long[value.Count];
        for (var i = 0; i < numbers.Length; i++)
        {
            var number = value.Integer(i);
            numbers[i] = number <= long.MaxValue ? (long)number : throw Wrong(key, "a list of numbers below 2^63");
        }

        return numbers;
    }

    /// <exception cref="FileFormatException">Not a list of numbers.</exception>
    public IReadOnlyList<float>? Numbers(string key)
    {
        if (Array(key) is not { } value)
        {
            return null;
        }

        if (value.Count > 0 && GgufValue.Size(value.ElementType) == 0)
        {
            throw Wrong(key, "a list of numbers");
        }

        var numbers = new float[value.Count];
        for (var i = 0; i < numbers.Length; i++)
        {
            numbers[i] = (float)value.Number(i);
        }

        return numbers;
    }

    /// <summary>The value as people read it; of a long array the count and the first elements.</summary>
    public string Show(string key)
    {
        var value = _values[key];
        var shown = Math.Min(value.Count, ShownElements);
        var elements = value.ElementType switch
        {
            GgufValueType.Array => ["[…]"],
            GgufValueType.Text => (value with { Count = shown }).Texts(),
            GgufValueType.Bool => Enumerable.Range(0, shown).Select(i => value.Integer(i) != 0 ? "true" : "false"),
            GgufValueType.Float32 => Enumerable.Range(0, shown).Select(i => ((float)value.Number(i)).ToString(CultureInfo.InvariantCulture)),
            GgufValueType.Float64 => Enumerable.Range(0, shown).Select(i => value.Number(i).ToString(CultureInfo.InvariantCulture)),
            _ => Enumerable.Range(0, shown).Select(i => value.Integer(i).ToString(CultureInfo.InvariantCulture)),
        };
        var text = string.Join(", ", elements);
        return value.Type != GgufValueType.Array ? text : $"[{text}{(value.Count > shown ? $", … ({value.Count})" : "")}]";
    }

    private GgufValue? Single(string key) => !_values.TryGetValue(key, out var value) ? null
        : value.Type != GgufValueType.Array ? value : throw Wrong(key, "a single value");

    private GgufValue? Array(string key) => !_values.TryGetValue(key, out var value) ? null
        : value.Type == GgufValueType.Array ? value : throw Wrong(key, "a list");

    private FileFormatException Wrong(string key, string expected)
    {
        var value = _values[key];
        return new(_path, $"{key} is {(value.Type == GgufValueType.Array ? "a list of " : "")}{value.ElementType}, it must be {expected}");
    }
}
