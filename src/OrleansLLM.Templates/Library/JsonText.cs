using System.Globalization;
using OrleansLLM.Templates.Values;

namespace OrleansLLM.Templates.Library;

/// <summary>The filter tojson as transformers defines it: Python's json.dumps, no HTML escaping, any script as it is unless asked otherwise.</summary>
internal sealed class JsonText
{
    private readonly TextBuilder _to = new();
    private readonly Rendering _rendering;
    private readonly bool _asciiOnly;
    private readonly string? _indent;
    private readonly TextValue _itemSeparator;
    private readonly TextValue _keySeparator;
    private readonly bool _sortKeys;

    private JsonText(Rendering rendering, Value?[] given)
    {
        _rendering = rendering;
        _asciiOnly = Methods.IsTrue(given[0]);
        _indent = given[1] switch
        {
            null or NoneValue => null,
            TextValue text => text.Text,
            var width => Spaces(rendering, Methods.Integer(width, 0)),
        };
        (_itemSeparator, _keySeparator) = (new(_indent is null ? ", " : ","), new(": "));
        if (given[2] is not (null or NoneValue))
        {
            var pair = given[2]!.ToList(rendering);
            if (pair.Count != 2)
            {
                throw TemplateError.Value("separators must be a pair: (item_separator, key_separator)");
            }

            (_itemSeparator, _keySeparator) = (Methods.Text(pair[0]), Methods.Text(pair[1]));
        }

        _sortKeys = Methods.IsTrue(given[3]);
    }

    /// <param name="given">ensure_ascii, indent, separators, sort_keys.</param>
    public static TextValue Of(Rendering rendering, Value value, Value?[] given)
    {
        var json = new JsonText(rendering, given);
        json.Write(value, 1);
        return json._to.ToValue();
    }

    private static string Spaces(Rendering rendering, int count)
    {
        rendering.ChargeText(count);
        return new string(' ', Math.Max(0, count));
    }

    private void Write(Value value, int depth)
    {
        Value.GuardStack();
        switch (value)
        {
            case NoneValue:
                _to.Append("null");
                break;
            case IntValue { IsBoolean: true }:
                _to.Append(value.IsTrue ? "true" : "false");
                break;
            case IntValue number:
                _to.Append(number.Digits());
                break;
            case FloatValue number:
                _to.Append(Float(number.Number));
                break;
            case TextValue text:
                WriteText(text);
                break;
            case SequenceValue sequence:
                WriteItems('[', ']', sequence.Items.Select(item => ((TextValue?)null, item)), sequence.Items.Count, depth);
                break;
            case DictValue dict:
                WriteItems('{', '}', Pairs(dict), dict.Items.Count, depth);
                break;
            default:
                throw TemplateError.Type($"Object of type {value.TypeName} is not JSON serializable");
        }
    }

    private void WriteItems(char open, char close, IEnumerable<(TextValue? Key, Value Item)> items, int count, int depth)
    {
        _to.Append(open);
        if (count == 0)
        {
            _to.Append(close);
            return;
        }

        var first = true;
        foreach (var (key, item) in items)
        {
            if (!first)
            {
                _to.Append(_itemSeparator);
            }

            first = false;
            Break(depth);
            if (key is not null)
            {
                WriteText(key);
                _to.Append(_keySeparator);
            }

            Write(item, depth + 1);
        }

        Break(depth - 1);
        _to.Append(close);
    }

    private void Break(int depth)
    {
        if (_indent is null)
        {
            return;
        }

        _to.Append('\n');
        for (var level = 0; level < depth; level++)
        {
            _to.Append(_indent);
        }
    }

    private IEnumerable<(TextValue? Key, Value Item)> Pairs(DictValue dict)
    {
        var pairs = dict.Items.AsEnumerable();
        if (_sortKeys)
        {
            pairs = Sorting.Sort(_rendering, pairs, pair => pair.Key, SortOrder.Ascending);
        }

        return pairs.Select(pair => ((TextValue?)Key(pair.Key), pair.Value));
    }

    private static TextValue Key(Value key) => key switch
    {
        TextValue text => text,
        FloatValue number => new TextValue(Float(number.Number)),
        IntValue { IsBoolean: true } => new TextValue(key.IsTrue ? "true" : "false"),
        IntValue number => new TextValue(number.Digits()),
        NoneValue => new TextValue("null"),
        _ => throw TemplateError.Type($"keys must be str, int, float, bool or None, not {key.TypeName}"),
    };

    private static string Float(double number) => double.IsNaN(number) ? "NaN"
        : double.IsPositiveInfinity(number) ? "Infinity"
        : double.IsNegativeInfinity(number) ? "-Infinity"
        : FloatValue.Repr(number);

    private void WriteText(TextValue text)
    {
        _to.Append('"');
        var plain = 0;
        for (var at = 0; at < text.Text.Length; at++)
        {
            if (Escape(text.Text[at]) is not { } escape)
            {
                continue;
            }

            _to.Append(text, plain, at - plain);
            _to.Append(escape, text, at);
            plain = at + 1;
        }

        _to.Append(text, plain, text.Text.Length - plain);
        _to.Append('"');
    }

    private string? Escape(char character) => character switch
    {
        '"' => "\\\"",
        '\\' => @"\\",
        '\n' => @"\n",
        '\r' => @"\r",
        '\t' => @"\t",
        '\f' => @"\f",
        '\b' => @"\b",
        < ' ' => Unicode(character),
        > '~' when _asciiOnly => Unicode(character),
        _ => null,
    };

    private static string Unicode(char character) => "\\u" + ((int)character).ToString("x4", CultureInfo.InvariantCulture);
}
