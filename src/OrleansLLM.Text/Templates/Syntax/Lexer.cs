using OrleansLLM.Text.Templates.Values;

namespace OrleansLLM.Text.Templates.Syntax;

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
            throw new ChatTemplateException(error.Failure, error.Message, lexer.Line);
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
        var sign = tag + 2 < _source.Length && _source[tag + 2] is '-' or '+' ? _source[tag + 2] : '\0';
        var raw = kind == '%' ? RawEnd(tag + 2 + (sign == '\0' ? 0 : 1)) : -1;
        AddData(tag, sign, isPrint: kind == '{');
        _at = tag + 2 + (sign == '\0' ? 0 : 1);
        if (raw >= 0)
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
            text = TrimEnd(text);
        }
        else if (sign != '+' && !isPrint)
        {
            var lineStart = text.LastIndexOf('\n') + 1;
            if ((lineStart > 0 || _lineStarts) && text.AsSpan(lineStart).Length > 0 && IsBlank(text.AsSpan(lineStart)))
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

        var sign = end > _at && _source[end - 1] is '-' or '+' ? _source[end - 1] : '\0';
        EndTag(end + 2, sign);
    }

    /// <summary>Where the content of a raw block begins if "raw" and the end of the tag stand here, else -1.</summary>
    private int RawEnd(int at)
    {
        at = SkipSpace(at);
        if (string.CompareOrdinal(_source, at, "raw", 0, 3) != 0)
        {
            return -1;
        }

        at = SkipSpace(at + 3);
        if (string.CompareOrdinal(_source, at, "-%}", 0, 3) == 0)
        {
            return SkipSpace(at + 3);
        }

        return string.CompareOrdinal(_source, at, "%}", 0, 2) == 0 ? at + 2 : -1;
    }

    private void ReadRaw(int start)
    {
        _at = start;
        _lineStarts = start > 0 && _source[start - 1] == '\n';
        for (var tag = _source.IndexOf("{%", start, StringComparison.Ordinal); tag >= 0; tag = _source.IndexOf("{%", tag + 1, StringComparison.Ordinal))
        {
            var sign = tag + 2 < _source.Length && _source[tag + 2] is '-' or '+' ? _source[tag + 2] : '\0';
            var at = SkipSpace(tag + 2 + (sign == '\0' ? 0 : 1));
            if (string.CompareOrdinal(_source, at, "endraw", 0, 6) != 0)
            {
                continue;
            }

            at = SkipSpace(at + 6);
            var endSign = at < _source.Length && _source[at] is '-' or '+' ? _source[at] : '\0';
            at += endSign == '\0' ? 0 : 1;
            if (string.CompareOrdinal(_source, at, "%}", 0, 2) == 0)
            {
                AddData(tag, sign, isPrint: false);
                EndTag(at + 2, endSign);
                return;
            }
        }

        throw TemplateError.Syntax("Missing end of raw directive");
    }

    /// <summary>Goes on behind a tag, and behind the white space or the line end that it takes along.</summary>
    private void EndTag(int end, char sign)
    {
        _at = sign == '-' ? SkipSpace(end)
            : sign != '+' && end < _source.Length && _source[end] == '\n' ? end + 1
            : end;
        _lineStarts = _source[_at - 1] == '\n';
    }

    private void ReadTokens(TokenKind end)
    {
        var open = new Stack<char>();
        while (true)
        {
            if (open.Count == 0 && TryEnd(end))
            {
                return;
            }

            if (_at >= _source.Length)
            {
                return;
            }

            if (CodePoints.IsSpace(Current))
            {
                _at = SkipSpace(_at);
            }
            else
            {
                ReadToken(open);
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
            _at = sign == '-' ? SkipSpace(at + 2) : at + 2;
            _lineStarts = _source[_at - 1] == '\n';
        }

        return true;
    }

    private void ReadToken(Stack<char> open)
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
            ReadOperator(open);
        }
    }

    private void ReadOperator(Stack<char> open)
    {
        var two = _at + 1 < _source.Length ? _source.Substring(_at, 2) : "";
        var text = two is "//" or "**" or "==" or "!=" or ">=" or "<=" ? two : Current.ToString();
        if (text.Length == 1 && !"+-/*%~[](){}><=.:|,;".Contains(text, StringComparison.Ordinal))
        {
            throw TemplateError.Syntax($"unexpected char '{text}' at {_at}");
        }

        switch (text[0])
        {
            case '{' or '(' or '[':
                open.Push(text[0] switch { '{' => '}', '(' => ')', _ => ']' });
                break;
            case '}' or ')' or ']':
                if (open.Count == 0)
                {
                    throw TemplateError.Syntax($"unexpected '{text}'");
                }

                var expected = open.Pop();
                if (expected != text[0])
                {
                    throw TemplateError.Syntax($"unexpected '{text}', expected '{expected}'");
                }

                break;
        }

        Add(TokenKind.Operator, text);
        _at += text.Length;
    }

    private bool IsWord(int at) => _source[at] == '_' || CodePoints.IsAlphanumeric(_source, at);

    private int SkipSpace(int at)
    {
        while (at < _source.Length && CodePoints.IsSpace(_source[at]))
        {
            at++;
        }

        return at;
    }

    private static string TrimEnd(string text)
    {
        var end = text.Length;
        while (end > 0 && CodePoints.IsSpace(text[end - 1]))
        {
            end--;
        }

        return text[..end];
    }

    private static bool IsBlank(ReadOnlySpan<char> text)
    {
        foreach (var character in text)
        {
            if (!CodePoints.IsSpace(character))
            {
                return false;
            }
        }

        return true;
    }

    private void Add(TokenKind kind, string text) => _tokens.Add(new(kind, text, Line));
}
