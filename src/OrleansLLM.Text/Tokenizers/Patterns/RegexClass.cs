using System.Globalization;
using System.Text;

namespace OrleansLLM.Text.Tokenizers.Patterns;

/// <summary>
/// A character class: a union of items, negated or not. It is written in .NET's own syntax where that can say it, else as ranges.
/// </summary>
internal sealed class RegexClass
{
    private const int MaxDepth = 50;

    private readonly SupplementaryUnits? _supplementary;
    private readonly StringBuilder _text = new();
    private readonly List<Action<CharacterSet>> _items = [];
    private bool _needsSet;
    private bool _isNegated;

    /// <summary>Whether s is named, whose other case is also the long s; .NET does not know that.</summary>
    private bool _namesS;

    /// <param name="supplementary">Units that .NET's own classes don't know, so that there must be a set.</param>
    private RegexClass(SupplementaryUnits? supplementary) => (_supplementary, _needsSet) = (supplementary, supplementary is not null);

    /// <summary>The class that opens at the reader's position.</summary>
    public static RegexClass Read(RegexReader reader, int depth = 0)
    {
        if (depth > MaxDepth)
        {
            throw reader.Error("classes are nested too deeply");
        }

        reader.Next();
        var negated = reader.TryTake("^");
        var result = new RegexClass(reader.Supplementary);
        CharacterSet? left = null;
        var isFirst = true;
        while (isFirst || reader.Peek != ']')
        {
            if (reader.TryTake("&&"))
            {
                left = Intersection(left, result);
                result = new RegexClass(reader.Supplementary);
            }
            else
            {
                result.ReadItem(reader, depth);
            }

            isFirst = false;
        }

        reader.Next();
        if (left is not null)
        {
            var both = Intersection(left, result);
            result = new RegexClass(reader.Supplementary) { _needsSet = true };
            result._items.Add(set => set.Add(both));
        }

        result._isNegated = negated;
        return result;
    }

    /// <summary>The class that an escape names (<c>\p{L}</c>, <c>\w</c>, ...), or null where it names one character; the backslash is behind.</summary>
    public static RegexClass? TryReadEscape(RegexReader reader)
    {
        var result = new RegexClass(reader.Supplementary);
        var escape = reader.Peek;
        switch (escape)
        {
            case 'p' or 'P':
                reader.Next();
                result.Property(reader, escape == 'P');
                return result;
            case 'w' or 'W':
                result.Add(CharacterProperties.Word, escape == 'W');
                break;
            case 'd' or 'D':
                result.Add(@"\p{Nd}", rune => Rune.GetUnicodeCategory(rune) == UnicodeCategory.DecimalDigitNumber, escape == 'D');
                break;
            case 's' or 'S':
                result.Add(@"\s", Runes.IsWhiteSpace, escape == 'S');
                break;
            case 'h' or 'H':
                result.Add("0-9A-Fa-f", rune => rune.Value < 128 && char.IsAsciiHexDigit((char)rune.Value), escape == 'H');
                break;
            default:
                return null;
        }

        reader.Next();
        return result;
    }

    /// <summary>\w or \W outside of a class; the backslash is behind.</summary>
    public static RegexClass ReadWord(RegexReader reader)
    {
        var result = new RegexClass(reader.Supplementary);
        result.Add(CharacterProperties.WordAlone, reader.Next() == 'W');
        return result;
    }

    /// <summary>The class as .NET writes it.</summary>
    public string ToNet(bool ignoreCase)
    {
        if (_needsSet)
        {
            return ToSet().ToClass();
        }

        var text = _text.ToString();
        if (!_isNegated && IsSingleEscape(text))
        {
            return text;
        }

        if (ignoreCase && _namesS)
        {
            text += '\u017F';
        }

        return text.Length == 0 ? _isNegated ? @"[\s\S]" : "(?!)" : $"[{(_isNegated ? "^" : string.Empty)}{text}]";
    }

    private static bool IsSingleEscape(string text) => text.Length > 1 && text[0] == '\\'
        && (text.Length == 2 && char.IsAsciiLetter(text[1]) || (text[1] is 'p' or 'P' && text.IndexOf('}') == text.Length - 1));

    private static CharacterSet Intersection(CharacterSet? left, RegexClass right)
    {
        var set = right.ToSet();
        if (left is not null)
        {
            set.Intersect(left);
        }

        return set;
    }

    private CharacterSet ToSet()
    {
        var set = new CharacterSet(_supplementary);
        foreach (var item in _items)
        {
            item(set);
        }

        if (_isNegated)
        {
            set.Invert();
        }

        return set;
    }

    private void ReadItem(RegexReader reader, int depth)
    {
        if (reader.Follows("[:"))
        {
            reader.TryTake("[:");
            var negated = reader.TryTake("^");
            NamedProperty(reader, reader.TakeThrough(':'), CharacterProperties.FindBracketed, negated);
            if (!reader.TryTake("]"))
            {
                throw reader.Error("a named class is not closed");
            }
        }
        else if (reader.Peek == '[')
        {
            Union(Read(reader, depth + 1));
        }
        else if (reader.TryTake("\\"))
        {
            if (!reader.AtEnd && reader.Peek != 'b' && TryReadEscape(reader) is { } escaped)
            {
                Union(escaped);
                return;
            }

            Range(reader, reader.TryTake("b") ? '\b' : reader.EscapedCodePoint());
        }
        else
        {
            Range(reader, reader.NextCodePoint());
        }
    }

    private void Range(RegexReader reader, int first)
    {
        var last = first;
        if (reader.Follows("-") && !reader.Follows("-]") && !reader.Follows("-[") && !reader.Follows("-&&"))
        {
            reader.Next();
            last = reader.TryTake("\\") ? reader.EscapedCodePoint() : reader.NextCodePoint();
            if (last < first)
            {
                throw reader.Error("a range of characters runs backwards");
            }
        }

        _items.Add(set => set.Add(first, last));
        _namesS |= (first <= 's' && last >= 's') || (first <= 'S' && last >= 'S');
        reader.Name(first, last);
        if (last > char.MaxValue)
        {
            _needsSet = true;
            return;
        }

        AppendUnit((char)first);
        if (last > first)
        {
            _text.Append('-');
            AppendUnit((char)last);
        }
    }

    private void AppendUnit(char unit) => _text.Append(unit switch
    {
        '\r' => @"\r",
        '\n' => @"\n",
        '\t' => @"\t",
        '\\' or '[' or ']' or '^' or '-' => "\\" + unit,
        < ' ' => string.Create(CultureInfo.InvariantCulture, $"\\u{(int)unit:X4}"),
        _ => unit.ToString(),
    });

    private void Union(RegexClass other)
    {
        _items.Add(set => set.Add(other.ToSet()));
        _needsSet |= other._needsSet || other._isNegated;
        _namesS |= other._namesS;
        _text.Append(other._text);
    }

    private void Property(RegexReader reader, bool negated)
    {
        if (!reader.TryTake("{"))
        {
            throw reader.Error("a '{' must follow \\p");
        }

        negated ^= reader.TryTake("^");
        NamedProperty(reader, reader.TakeThrough('}'), CharacterProperties.Find, negated);
    }

    private void NamedProperty(RegexReader reader, string name, Func<string, CharacterProperty?> find, bool negated)
    {
        var plain = name.Replace("_", string.Empty, StringComparison.Ordinal).Replace(" ", string.Empty, StringComparison.Ordinal)
            .Replace("-", string.Empty, StringComparison.Ordinal).ToUpperInvariant();
        if (find(plain) is { } property)
        {
            Add(property, negated);
        }
        else if (UnicodeScripts.Find(plain) is { } ranges)
        {
            Script(ranges, negated);
        }
        else
        {
            throw reader.Error($"the character property '{name}' is not built");
        }
    }

    private void Script((int First, int Last)[] ranges, bool negated)
    {
        var script = new RegexClass(_supplementary) { _needsSet = negated || _supplementary is not null, _isNegated = negated };
        foreach (var (first, last) in ranges)
        {
            script._items.Add(set => set.Add(rune => (rune.IsBmp ? rune.Value : StandIns.For(rune)) is var unit && unit >= first && unit <= last));
            CharacterSet.AppendRange(script._text, first, last);
        }

        Union(script);
    }

    private void Add(CharacterProperty property, bool negated) => Add(property.Net, property.Contains, negated);

    /// <summary>Adds a class that .NET can write by itself, also negated where that is one escape.</summary>
    private void Add(string text, Func<Rune, bool> contains, bool negated)
    {
        _items.Add(set => set.Add(rune => contains(rune) != negated));
        if (!negated)
        {
            _text.Append(text);
        }
        else if (IsSingleEscape(text))
        {
            _text.Append('\\').Append(char.ToUpperInvariant(text[1])).Append(text.AsSpan(2));
        }
        else
        {
            _needsSet = true;
        }
    }
}
