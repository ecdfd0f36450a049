using OrleansLLM.Templates.Values;
using static System.FormattableString;

namespace OrleansLLM.Templates.Syntax;

/// <summary>
/// Splits a template into tokens, white space handled as transformers sets Jinja up: trim_blocks (the line end behind a tag goes),
/// lstrip_blocks (the indent of a tag at the start of a line goes), one line end at the template's end goes.
/// </summary>
internal sealed class Lexer
{
    private readonly string _source;
    private readonly List<Token> _tokens = [];
    private int _at;
    private int _line = 1;
    private int _counted;
    private bool _lineStarts = true;

    private Lexer(string source) => _source = source;

    public static List<Token> Run(string source)
    {
        var text = source.Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n');
        var lexer = new Lexer(text.EndsWith('\n') ? text[..^1] : text);
        try
        {
            lexer.ReadTemplate();
        }
        catch (TemplateError error)
        {
            throw new TemplateException(error.Failure, error.Message, lexer.Line);
        }

        return lexer._tokens;
    }

    private int Line
    {
        get
        {
            for (; _counted < _at && _counted < _source.Length; _counted++)
            {
                _line += _source[_counted] == '\n' ? 1 : 0;
            }

            return _line;
        }
    }

    private char Current => _at < _source.Length ? _source[_at] : '\0';

    private void ReadTemplate()
    {
        while (_at < _source.Length)
        {
            var tag = FindTag();
            if (tag < 0)
            {
                Add(TokenKind.Data, _source[_at..]);
                _at = _source.Length;
                break;
            }

            ReadTag(tag);
        }

        _at = _source.Length;
        Add(TokenKind.End, "");
    }

    private int FindTag()
    {
        for (var at = _source.IndexOf('{', _at); at >= 0 && at + 1 < _source.Length; at = _source.IndexOf('{', at + 1))
        {
            if (_source[at + 1] is '%' or '{' or '#')
            {
                return at;
            }
        }

        return -1;
    }

    private void ReadTag(int tag)
    {
        var kind = _source[tag + 1];
        var sign = WhiteSpace.SignAt(_source, tag + 2);
        var inner = tag + 2 + (sign == '\0' ? 0 : 1);
        AddData(tag, sign, isPrint: kind == '{');
        _at = inner;
        if (kind == '%' && RawBlock.FindContent(_source, inner) is { } raw)
        {
            ReadRaw(raw);
            return;
        }

        switch (kind)
        {
            case '#':
                ReadComment();
                break;
            case '%':
                Add(TokenKind.BlockBegin, "");
                ReadTokens(TokenKind.BlockEnd);
                break;
            default:
                Add(TokenKind.PrintBegin, "");
                ReadTokens(TokenKind.PrintEnd);
                break;
        }
    }

    /// <summary>Adds the text up to a tag, stripped as the tag says.</summary>
    private void AddData(int end, char sign, bool isPrint)
    {
        var text = _source[_at..end];
        if (sign == '-')
        {
            text = WhiteSpace.TrimEnd(text);
        }
        else if (sign != '+' && !isPrint)
        {
            var lineStart = text.LastIndexOf('\n') + 1;
            if ((lineStart > 0 || _lineStarts) && text.AsSpan(lineStart).Length > 0 && WhiteSpace.IsBlank(text.AsSpan(lineStart)))
            {
                text = text[..lineStart];
            }
        }

        if (text.Length > 0)
        {
            Add(TokenKind.Data, text);
        }

        _lineStarts = false;
    }

    private void ReadComment()
    {
        var end = _source.IndexOf("#}", _at, StringComparison.Ordinal);
        if (end < 0)
        {
            throw TemplateError.Syntax("Missing end of comment tag");
        }

        var sign = end > _at ? WhiteSpace.SignAt(_source, end - 1) : '\0';
        EndTag(end + 2, sign);
    }

    private void ReadRaw(int start)
    {
        _at = start;
        _lineStarts = start > 0 && _source[start - 1] == '\n';
        var end = RawBlock.FindEnd(_source, start) ?? throw TemplateError.Syntax("Missing end of raw directive");
        AddData(end.Tag, end.Sign, isPrint: false);
        EndTag(end.End, end.EndSign);
    }

    /// <summary>Goes on behind a tag, and behind the white space or the line end that it takes along.</summary>
    private void EndTag(int end, char sign)
    {
        _at = sign == '-' ? WhiteSpace.Skip(_source, end)
            : sign != '+' && end < _source.Length && _source[end] == '\n' ? end + 1
            : end;
        _lineStarts = _source[_at - 1] == '\n';
    }

    private void ReadTokens(TokenKind end)
    {
        var brackets = new Brackets();
        while (true)
        {
            if (brackets.AreClosed && TryEnd(end))
            {
                return;
            }

            if (_at >= _source.Length)
            {
                return;
            }

            if (CodePoints.IsSpace(Current))
            {
                _at = WhiteSpace.Skip(_source, _at);
            }
            else
            {
                ReadToken(brackets);
            }
        }
    }

    private bool TryEnd(TokenKind end)
    {
        var mark = end == TokenKind.BlockEnd ? "%}" : "}}";
        var sign = Current == '-' || (Current == '+' && end == TokenKind.BlockEnd) ? Current : '\0';
        var at = _at + (sign == '\0' ? 0 : 1);
        if (string.CompareOrdinal(_source, at, mark, 0, 2) != 0)
        {
            return false;
        }

        Add(end, "");
        if (end == TokenKind.BlockEnd)
        {
            EndTag(at + 2, sign);
        }
        else
        {
            _at = sign == '-' ? WhiteSpace.Skip(_source, at + 2) : at + 2;
            _lineStarts = _source[_at - 1] == '\n';
        }

        return true;
    }

    private void ReadToken(Brackets brackets)
    {
        if (LiteralReader.Number(_source, _at) is { } number)
        {
            Add(number.Kind, _source.Substring(_at, number.Length));
            _at += number.Length;
        }
        else if (IsWord(_at))
        {
            var start = _at;
            while (_at < _source.Length && IsWord(_at))
            {
                _at += CodePoints.WidthAt(_source, _at);
            }

            var name = _source[start.._at];
            Add(TokenKind.Name, CodePoints.IsIdentifier(name) ? name : throw TemplateError.Syntax("Invalid character in identifier"));
        }
        else if (Current is '\'' or '"' && LiteralReader.TextEnd(_source, _at) is > 0 and var end)
        {
            Add(TokenKind.Text, LiteralReader.Unescape(_source[(_at + 1)..(end - 1)]));
            _at = end;
        }
        else
        {
            ReadOperator(brackets);
        }
    }

    private void ReadOperator(Brackets brackets)
    {
        var two = _at + 1 < _source.Length ? _source.Substring(_at, 2) : "";
        var text = two is "//" or "**" or "==" or "!=" or ">=" or "<=" ? two : Current.ToString();
        if (text.Length == 1 && !"+-/*%~[](){}><=.:|,;".Contains(text, StringComparison.Ordinal))
        {
            throw TemplateError.Syntax(Invariant($"unexpected char '{text}' at {_at}"));
        }

        brackets.Follow(text[0]);
        Add(TokenKind.Operator, text);
        _at += text.Length;
    }

    private bool IsWord(int at) => _source[at] == '_' || CodePoints.IsAlphanumeric(_source, at);

    private void Add(TokenKind kind, string text) => _tokens.Add(new(kind, text, Line));
}
