using System.Globalization;
using System.Text;

namespace OrleansLLM.Text.Tokenizers.Patterns;

/// <summary>A pattern for .NET, and how it sees characters.</summary>
internal sealed record RegexTranslation(string Pattern, CharacterForm Form);

/// <summary>
/// Writes a regular expression of Oniguruma's own dialect (doc/RE of Oniguruma 6.9.10) in .NET's: possessive quantifiers, <c>\h</c>,
/// <c>\R</c>, <c>\X</c>, <c>\x{}</c>, line anchors, nested classes and intersections, POSIX classes, properties, back-references over whole
/// characters, and the long s, which <c>(?i:s)</c> matches there.
/// </summary>
internal sealed partial class RegexTranslator
{
    /// <summary>Longer patterns are refused: no tokenizer's comes near.</summary>
    private const int MaxLength = 20_000;

    private readonly RegexReader _reader;
    private readonly CharacterForm _form;
    private readonly StringBuilder _output = new();
    private GroupOptions _options;
    private int _atom;

    private RegexTranslator(string pattern, CharacterForm form, GroupNames names) =>
        (_reader, _form, _names) = (new RegexReader(pattern), form, names);

    /// <exception cref="TokenizerException">The pattern is malformed or uses what is not built.</exception>
    public static RegexTranslation Translate(string pattern)
    {
        if (pattern.Length > MaxLength)
        {
            throw new TokenizerException($"a regular expression of {pattern.Length} characters is longer than {MaxLength}");
        }

        var names = new GroupNames();
        var byCategory = new CategoryForm();
        var translated = new RegexTranslator(pattern, byCategory, names).Run();
        if (names.AreReferred)
        {
            return Translate(pattern, names.AreFolded ? new FoldForm() : new PairForm(), names);
        }

        if (!byCategory.IsTooCoarse)
        {
            return new RegexTranslation(translated, byCategory);
        }

        var survey = new SurveyForm();
        new RegexTranslator(pattern, survey, names).Run();
        return Translate(pattern, new UnitForm(survey.Sets), names);
    }

    private static RegexTranslation Translate(string pattern, CharacterForm form, GroupNames names) =>
        new(form.Finish(new RegexTranslator(pattern, form, names).Run()), form);

    private string Run()
    {
        while (!_reader.AtEnd)
        {
            Step();
        }

        if (_groups.Count > 0)
        {
            throw _reader.Error("a group is not closed");
        }

        return _output.Append(')', _openOptions).ToString();
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
            case '*' or '+' or '?':
                Quantifier(_reader.Next().ToString(), possessive: "+");
                break;
            case '{' when _reader.TryInterval(out var interval):
                Quantifier(interval, possessive: null);
                break;
            case '|':
                _output.Append(_reader.Next());
                _atom = _output.Length;
                break;
            default:
                _atom = _output.Length;
                Atom();
                break;
        }
    }

    /// <summary>What a quantifier can follow.</summary>
    private void Atom()
    {
        switch (_reader.Peek)
        {
            case '[':
                Write(ClassReader.Read(_reader));
                break;
            case '\\':
                _reader.Next();
                Escape();
                break;
            case '^' or '$':
                _output.Append(CultureInfo.InvariantCulture, $"(?m:{_reader.Next()})");
                break;
            case '.':
                _reader.Next();
                _output.Append(_form.Dot(_options.DotMatchesNewline));
                break;
            default:
                Literal(_reader.NextCodePoint());
                break;
        }
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
            case 'X' or 'y' or 'Y':
                var clusters = new GraphemeClusters(set => _form.Write(Alone(new CharacterProperty(Net: null, () => set)), ignoreCase: false));
                _output.Append(_reader.Next() switch { 'X' => clusters.Cluster, 'y' => clusters.Border, _ => clusters.NoBorder });
                break;
            case 'O' or 'N':
                Write(Alone(_reader.Next() == 'O' ? CharacterProperties.Any : CharacterProperties.NoNewline));
                break;
            case 'b' or 'B':
                WordBorder();
                break;
            case 'A' or 'z' or 'Z' or 'G':
                _output.Append('\\').Append(_reader.Next());
                break;
            case >= '1' and <= '9' when TryReference():
                break;
            case 'k':
                NamedReference();
                break;
            case 'K' or 'g':
                throw _reader.Error($"'\\{_reader.Peek}' is not built");
            default:
                EscapedCharacters();
                break;
        }
    }

    /// <summary>\b and \B by what \w is here.</summary>
    private void WordBorder()
    {
        var (ahead, notAhead) = _reader.Next() == 'b' ? ('!', '=') : ('=', '!');
        var word = _form.Write(Alone(CharacterProperties.WordAlone), ignoreCase: false);
        _output.Append(CultureInfo.InvariantCulture, $"(?:(?<={word})(?{ahead}{word})|(?<!{word})(?{notAhead}{word}))");
    }

    private void EscapedCharacters()
    {
        if (ClassReader.TryReadEscape(_reader, CharacterProperties.WordAlone) is { } escaped)
        {
            Write(RegexClass.Of(escaped.Property, escaped.Negated));
        }
        else
        {
            Literal(_reader.EscapedCodePoint());
        }
    }

    private static RegexClass Alone(CharacterProperty property) => RegexClass.Of(property, negated: false);

    private void Write(RegexClass characters) => _output.Append(_form.Write(characters, _options.IgnoreCase));

    private void Literal(int codePoint)
    {
        if (_form.LiteralOf(codePoint) is not { } unit || (_options.IgnoreCase && codePoint > 0x7F))
        {
            var characters = new RegexClass();
            characters.Add(codePoint, codePoint);
            Write(characters);
        }
        else if (_options.IgnoreCase && unit is ('s' or 'S'))
        {
            _output.Append('[').Append(unit).Append('\u017F').Append(']');
        }
        else
        {
            _output.Append(NetText.Literal(unit));
        }
    }
}
