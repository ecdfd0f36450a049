using OrleansLLM.Templates.Values;

namespace OrleansLLM.Templates.Library;

/// <summary>Reads a <see cref="FormatSpec"/>, part after part; each may be missing.</summary>
internal ref struct FormatSpecReader
{
    private const string Alignments = "<>=^";

    private readonly string _text;
    private int _at;

    private FormatSpecReader(string text) => _text = text;

    public static FormatSpec Read(string text)
    {
        var reader = new FormatSpecReader(text);
        var (fill, align) = reader.Alignment();
        var sign = reader.TakeOneOf("+- ");
        var alternate = reader.TakeOneOf("#") != '\0';
        if (fill is null && reader.StandsAt(reader._at, "0"))
        {
            (fill, align) = ("0", align == '\0' ? '=' : align);
        }

        var width = Math.Max(0, reader.Number());
        var grouping = reader.TakeOneOf(",_");
        var precision = reader.Precision();
        return new(fill ?? " ", align, sign, alternate, width, grouping, precision, reader.Type());
    }

    /// <summary>The alignment, and before it what fills, if anything is given: any character, so also one that is itself an alignment.</summary>
    private (string? Fill, char Align) Alignment()
    {
        var fillWidth = _text.Length > 0 ? CodePoints.WidthAt(_text, 0) : 0;
        if (StandsAt(fillWidth, Alignments))
        {
            _at = fillWidth + 1;
            return (_text[..fillWidth], _text[fillWidth]);
        }

        return (null, TakeOneOf(Alignments));
    }

    private int Precision()
    {
        if (TakeOneOf(".") == '\0')
        {
            return -1;
        }

        var precision = Number();
        return precision >= 0 ? precision : throw TemplateError.Value("Format specifier missing precision");
    }

    /// <summary>The last part, so that nothing may follow.</summary>
    private char Type()
    {
        var type = _at < _text.Length ? _text[_at++] : '\0';
        return _at == _text.Length ? type : throw TemplateError.Value($"Invalid format specifier '{_text}'");
    }

    private readonly bool StandsAt(int at, string characters) =>
        at < _text.Length && characters.Contains(_text[at], StringComparison.Ordinal);

    private char TakeOneOf(string characters) => StandsAt(_at, characters) ? _text[_at++] : '\0';

    private int Number()
    {
        var start = _at;
        long number = 0;
        while (_at < _text.Length && char.IsAsciiDigit(_text[_at]))
        {
            number = Math.Min((number * 10) + _text[_at++] - '0', int.MaxValue);
        }

        return _at == start ? -1 : (int)number;
    }
}
