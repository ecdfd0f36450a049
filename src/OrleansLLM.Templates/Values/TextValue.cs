using System.Text;

namespace OrleansLLM.Templates.Values;

/// <summary>
/// A string: text, the ranges of it that came from the input, and whether it is markup (a string that `safe` or `escape` made).
/// Indexes, lengths and slices count code points, as in Python; ranges count UTF-16 units.
/// </summary>
internal sealed class TextValue : Value
{
    public static readonly TextValue Empty = new("");

    private readonly TextRange[] _literal;
    private int _length = -1;

    public TextValue(string text)
        : this(text, [], MarkupKind.Plain)
    {
    }

    /// <param name="literal">Ascending, apart, none empty.</param>
    public TextValue(string text, TextRange[] literal, MarkupKind kind) => (Text, _literal, Kind) = (text, literal, kind);

    public string Text { get; }

    /// <summary>The ranges from the first one on that ends behind a place.</summary>
    public ReadOnlySpan<TextRange> LiteralFrom(int start)
    {
        var (low, high) = (0, _literal.Length);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = _literal[middle].End > start ? (low, middle) : (middle + 1, high);
        }

        return _literal.AsSpan(low);
    }

    public MarkupKind Kind { get; }

    public bool IsMarkup => Kind == MarkupKind.Markup;

    public override string TypeName => IsMarkup ? "Markup" : "str";

    public override bool IsTrue => Text.Length > 0;

    public override int? Length => CodePointCount;

    public int CodePointCount => _length >= 0 ? _length : _length = CodePoints.Count(Text);

    /// <summary>A string that came from the input, wholly.</summary>
    public static TextValue FromInput(string text) =>
        text.Length == 0 ? Empty : new(text, [new TextRange(0, text.Length)], MarkupKind.Plain);

    public TextValue As(MarkupKind kind) => kind == Kind ? this : new(Text, _literal, kind);

    /// <summary>Other units in the places of this text's own.</summary>
    public TextValue WithUnits(string text)
    {
        Rendering.Current?.ChargeText(text.Length);
        return new(text, _literal, Kind);
    }

    /// <summary>A part in UTF-16 units, of the same kind.</summary>
    public TextValue Part(int start, int length)
    {
        if (length == Text.Length)
        {
            return this;
        }

        if (_literal.Length == 0)
        {
            return new(Text.Substring(start, length), [], Kind);
        }

        var part = new TextBuilder();
        part.Append(this, start, length);
        return part.ToValue(Kind);
    }

    public override IEnumerator<Value>? Iterate()
    {
        for (var at = 0; at < Text.Length;)
        {
            var width = CodePoints.WidthAt(Text, at);
            yield return Part(at, width).As(MarkupKind.Plain);
            at += width;
        }
    }

    public override Value? Item(Value key)
    {
        if (key is not IntValue { Number: var index })
        {
            return null;
        }

        var count = CodePointCount;
        index = index.Sign < 0 ? index + count : index;
        if (index.Sign < 0 || index >= count)
        {
            return null;
        }

        var at = CodePoints.Offset(this, (int)index);
        return Part(at, CodePoints.WidthAt(Text, at));
    }

    public override Value Slice(Value start, Value stop, Value step)
    {
        var range = SliceRange.Of(start, stop, step, CodePointCount);
        if (range.Step == 1)
        {
            var from = CodePoints.Offset(this, range.Start);
            return Part(from, CodePoints.Offset(this, range.Start + range.Count) - from);
        }

        var text = new TextBuilder();
        var offsets = CodePoints.Offsets(this);
        for (var taken = 0; taken < range.Count; taken++)
        {
            var at = range.Start + (taken * range.Step);
            text.Append(this, offsets[at], offsets[at + 1] - offsets[at]);
        }

        return text.ToValue(Kind);
    }

    public override bool Contains(Value item)
    {
        var sought = item as TextValue
            ?? throw TemplateError.Type($"'in <string>' requires string as left operand, not {item.TypeName}");
        Rendering.ChargeSearch(Text.Length, sought.Text.Length);
        return Text.Contains(sought.Text, StringComparison.Ordinal);
    }

    public override Value? Attribute(string name) => Library.Methods.Bind(Library.TextMethods.Rows, this, name);

    public override void Write(TextBuilder to) => to.Append(this);

    public override TextValue ToText() => this;

    public override void WriteRepr(TextBuilder to)
    {
        if (IsMarkup)
        {
            to.Append("Markup(");
        }

        var quote = Text.Contains('\'', StringComparison.Ordinal) && !Text.Contains('"', StringComparison.Ordinal) ? '"' : '\'';
        to.Append(quote);
        for (var at = 0; at < Text.Length;)
        {
            var width = CodePoints.WidthAt(Text, at);
            WriteEscaped(to, at, width, quote);
            at += width;
        }

        to.Append(quote);
        if (IsMarkup)
        {
            to.Append(')');
        }
    }

    private void WriteEscaped(TextBuilder to, int at, int width, char quote)
    {
        var escape = Text[at] switch
        {
            '\\' => @"\\",
            '\n' => @"\n",
            '\r' => @"\r",
            '\t' => @"\t",
            var character when character == quote => "\\" + quote,
            _ => null,
        };
        if (escape is null && CodePoints.IsPrintable(Text, at))
        {
            to.Append(this, at, width);
            return;
        }

        var value = width == 2 ? char.ConvertToUtf32(Text[at], Text[at + 1]) : Text[at];
        to.Append(escape ?? (value < 0x100 ? $"\\x{value:x2}" : value < 0x10000 ? $"\\u{value:x4}" : $"\\U{value:x8}"), this, at);
    }
}

internal enum MarkupKind
{
    Plain,
    Markup,
}

/// <summary>Builds a string and keeps which of its parts came from the input; its rendering is charged for it.</summary>
internal sealed class TextBuilder
{
    private const int ChargedAtOnce = 256;

    private readonly StringBuilder _text = new();
    private List<TextRange>? _literal;
    private int _uncharged;

    public int Length => _text.Length;

    public void Append(string text)
    {
        Check(text.Length);
        _text.Append(text);
    }

    public void Append(char character) => Append(character, 1);

    public void Append(char character, int count)
    {
        Check(count);
        _text.Append(character, count);
    }

    public void Append(TextValue value) => Append(value, 0, value.Text.Length);

    public void Append(TextValue value, int start, int length)
    {
        Check(length);
        foreach (var span in value.LiteralFrom(start))
        {
            var from = Math.Max(span.Start, start);
            var until = Math.Min(span.End, start + length);
            if (from >= until)
            {
                break;
            }

            AddLiteral(_text.Length + from - start, until - from);
        }

        _text.Append(value.Text, start, length);
    }

    /// <summary>Appends what stands for the character at <paramref name="at"/> of <paramref name="source"/>: its upper case, its escape.</summary>
    public void Append(string text, TextValue source, int at)
    {
        Check(text.Length);
        if (text.Length > 0 && source.LiteralFrom(at) is [var span, ..] && span.Start <= at)
        {
            AddLiteral(_text.Length, text.Length);
        }

        _text.Append(text);
    }

    public override string ToString() => _text.ToString();

    public TextValue ToValue() => ToValue(MarkupKind.Plain);

    public TextValue ToValue(MarkupKind kind) => new(_text.ToString(), _literal is null ? [] : [.. _literal], kind);

    public RenderedText ToRendered() => new(_text.ToString(), _literal is null ? [] : [.. _literal]);

    private void Check(int more)
    {
        if (_text.Length + (long)more > Rendering.MaxText)
        {
            throw TemplateError.Limit($"a text of more than {Rendering.MaxText} characters");
        }

        _uncharged += more;
        if (_uncharged >= ChargedAtOnce)
        {
            Rendering.Current?.Charge(_uncharged / Rendering.CharactersPerStep);
            _uncharged = 0;
        }
    }

    private void AddLiteral(int start, int length)
    {
        _literal ??= [];
        if (_literal.Count > 0 && _literal[^1].End == start)
        {
            _literal[^1] = new(_literal[^1].Start, _literal[^1].Length + length);
        }
        else
        {
            _literal.Add(new(start, length));
        }
    }
}
