using System.Globalization;
using System.Text;

namespace OrleansLLM.Text.Tokenizers.Patterns;

/// <summary>A pattern for .NET, and the units that it sees in place of characters above U+FFFF; null: <see cref="StandIns"/>.</summary>
internal sealed record RegexTranslation(string Pattern, SupplementaryUnits? Supplementary);

/// <summary>
/// Writes a regular expression of Oniguruma's Ruby dialect (doc/RE of Oniguruma 6.9) in .NET's: possessive quantifiers, <c>\h</c>,
/// <c>\R</c>, <c>\x{}</c>, line anchors, nested classes and intersections, scripts, and the long s, which <c>(?i:s)</c> matches there.
/// </summary>
internal sealed class RegexTranslator
{
    /// <summary>Longer patterns are refused: no tokenizer's comes near.</summary>
    private const int MaxLength = 20_000;

    private readonly RegexReader _reader;
    private readonly StringBuilder _output = new();
    private readonly Stack<(int Start, bool IgnoreCase)> _groups = new();
    private bool _ignoreCase;
    private int _atom;

    private RegexTranslator(string pattern, SupplementaryUnits? supplementary) => _reader = new RegexReader(pattern, supplementary);

    /// <exception cref="TokenizerException">The pattern is malformed or uses what is not built.</exception>
    public static RegexTranslation Translate(string pattern)
    {
        if (pattern.Length > MaxLength)
        {
            throw new TokenizerException($"a regular expression of {pattern.Length} characters is longer than {MaxLength}");
        }

        var translator = new RegexTranslator(pattern, supplementary: null);
        translator.Run();
        if (translator._reader.Named.Count > 0)
        {
            translator = new RegexTranslator(pattern, new SupplementaryUnits(translator._reader.Named));
            translator.Run();
        }

        return new RegexTranslation(translator._output.ToString(), translator._reader.Supplementary);
    }

    private void Run()
    {
        while (!_reader.AtEnd)
        {
            Step();
        }

        if (_groups.Count > 0)
        {
            throw _reader.Error("a group is not closed");
        }
    }

    private void Step()
    {
        switch (_reader.Peek)
        {
            case '(':
                OpenGroup();
                break;
            case ')':
                CloseGroup();
                break;
            case '[':
                _atom = _output.Length;
                _output.Append(RegexClass.Read(_reader).ToNet(_ignoreCase));
                break;
            case '\\':
                _atom = _output.Length;
                _reader.Next();
                Escape();
                break;
            case '*' or '+' or '?':
                Quantifier(_reader.Next().ToString(), possessive: "+");
                break;
            case '{' when _reader.TryInterval(out var interval):
                Quantifier(interval, possessive: null);
                break;
            case '^' or '$':
                _atom = _output.Length;
                _output.Append(CultureInfo.InvariantCulture, $"(?m:{_reader.Next()})");
                break;
            case '|' or '.':
                _atom = _output.Length;
                _output.Append(_reader.Next());
                break;
            default:
                _atom = _output.Length;
                Literal(_reader.NextCodePoint());
                break;
        }
    }

    private void OpenGroup()
    {
        var start = _output.Length;
        _reader.Next();
        if (_reader.AtEnd || _reader.Peek != '?')
        {
            _output.Append('(');
            _groups.Push((start, _ignoreCase));
            return;
        }

        _reader.Next();
        if (_reader.TryTake("#"))
        {
            _reader.TakeThrough(')');
            return;
        }

        foreach (var opening in (ReadOnlySpan<string>)[":", "=", "!", ">", "<=", "<!"])
        {
            if (_reader.TryTake(opening))
            {
                _output.Append("(?").Append(opening);
                _groups.Push((start, _ignoreCase));
                return;
            }
        }

        if (_reader.TryTake("<"))
        {
            _output.Append("(?<").Append(_reader.TakeThrough('>')).Append('>');
            _groups.Push((start, _ignoreCase));
            return;
        }

        Options(start);
    }

    /// <summary>(?i), (?i:...), (?m), ... Oniguruma's m lets the dot match a newline, which .NET calls s.</summary>
    private void Options(int start)
    {
        var on = true;
        var before = _ignoreCase;
        var options = new StringBuilder();
        while (!_reader.AtEnd && _reader.Peek is not (':' or ')'))
        {
            var option = _reader.Next();
            if (option is not ('-' or 'i' or 'm'))
            {
                throw _reader.Error($"the option '{option}' of a group is not built");
            }

            on &= option != '-';
            _ignoreCase = option == 'i' ? on : _ignoreCase;
            options.Append(option == 'm' ? 's' : option);
        }

        if (_reader.AtEnd)
        {
            throw _reader.Error("a group is not closed");
        }

        _output.Append("(?").Append(options);
        if (_reader.Next() == ':')
        {
            _output.Append(':');
            _groups.Push((start, before));
        }
        else
        {
            _output.Append(')');
        }
    }

    private void CloseGroup()
    {
        _reader.Next();
        if (!_groups.TryPop(out var group))
        {
            throw _reader.Error("a ')' closes no group");
        }

        _output.Append(')');
        (_atom, _ignoreCase) = (group.Start, group.IgnoreCase);
    }

    private void Quantifier(string quantifier, string? possessive)
    {
        if (_atom >= _output.Length)
        {
            throw _reader.Error($"the quantifier '{quantifier}' follows nothing");
        }

        _output.Append(quantifier);
        if (possessive is null)
        {
            Interval(quantifier);
        }
        else if (_reader.TryTake(possessive))
        {
            _output.Insert(_atom, "(?>").Append(')');
        }
        else if (_reader.TryTake("?"))
        {
            _output.Append('?');
        }
    }

    /// <summary>Behind an interval a '+' repeats it, and a '?' makes it lazy only where it has two bounds.</summary>
    private void Interval(string interval)
    {
        if (interval.Contains(',', StringComparison.Ordinal) && _reader.TryTake("?"))
        {
            _output.Append('?');
        }
        else if (!_reader.AtEnd && _reader.Peek is ('?' or '+'))
        {
            _output.Insert(_atom, "(?:").Append(')');
        }
    }

    private void Escape()
    {
        if (_reader.AtEnd)
        {
            throw _reader.Error("the pattern ends in a backslash");
        }

        switch (_reader.Peek)
        {
            case 'R':
                _reader.Next();
                _output.Append(@"(?>\r\n|[\n-\r\x85\u2028\u2029])");
                break;
            case 'w' or 'W':
                _output.Append(RegexClass.ReadWord(_reader).ToNet(_ignoreCase));
                break;
            case 'b' or 'B':
                WordBorder();
                break;
            case 'A' or 'z' or 'Z' or 'G' or (>= '1' and <= '9'):
                _output.Append('\\').Append(_reader.Next());
                break;
            case 'k':
                _output.Append('\\').Append(_reader.TakeThrough('>')).Append('>');
                break;
            case 'K' or 'X' or 'g' or 'y' or 'Y' or 'N' or 'O':
                throw _reader.Error($"'\\{_reader.Peek}' is not built");
            default:
                EscapedCharacters();
                break;
        }
    }

    /// <summary>\b and \B by what \w is here.</summary>
    private void WordBorder()
    {
        var (ahead, notAhead) = _reader.Peek == 'b' ? ('!', '=') : ('=', '!');
        var word = RegexClass.ReadWord(_reader).ToNet(ignoreCase: false);
        _output.Append(CultureInfo.InvariantCulture, $"(?:(?<={word})(?{ahead}{word})|(?<!{word})(?{notAhead}{word}))");
    }

    private void EscapedCharacters()
    {
        if (RegexClass.TryReadEscape(_reader) is { } set)
        {
            _output.Append(set.ToNet(_ignoreCase));
        }
        else
        {
            Literal(_reader.EscapedCodePoint());
        }
    }

    private void Literal(int codePoint)
    {
        _reader.Name(codePoint, codePoint);
        var unit = codePoint <= char.MaxValue ? (char)codePoint : _reader.Supplementary?.UnitOf(new Rune(codePoint)) ?? '\0';
        if (_ignoreCase && unit is ('s' or 'S'))
        {
            _output.Append('[').Append(unit).Append('\u017F').Append(']');
        }
        else if (unit is ' ' or '#')
        {
            _output.Append(unit);
        }
        else
        {
            _output.Append(NetEscape(unit));
        }
    }

    private static string NetEscape(char unit) => unit switch
    {
        '\\' or '*' or '+' or '?' or '|' or '{' or '}' or '[' or ']' or '(' or ')' or '^' or '$' or '.' => "\\" + unit,
        < ' ' => string.Create(CultureInfo.InvariantCulture, $"\\u{(int)unit:X4}"),
        _ => unit.ToString(),
    };
}
