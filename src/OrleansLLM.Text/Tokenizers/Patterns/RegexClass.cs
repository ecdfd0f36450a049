using System.Text;

namespace OrleansLLM.Text.Tokenizers.Patterns;

/// <summary>A character class: a union of items, negated or not, as .NET writes it and as the set of its characters.</summary>
internal sealed class RegexClass
{
    private readonly StringBuilder _text = new();
    private readonly List<Func<CodePointSet>> _items = [];

    /// <summary>Whether brackets stand around it: only then does (?i) ask for the other cases.</summary>
    private readonly bool _hasBrackets;

    private bool _isNegated;

    /// <summary>Whether <see cref="_text"/> can't say it: intersections, nested negations, characters above U+FFFF, most properties.</summary>
    private bool _needsSet;

    /// <summary>Whether it names a property, whose other cases .NET does not look for.</summary>
    private bool _namesProperty;

    /// <summary>Whether characters beyond ASCII are named, not all of whose other cases .NET looks for.</summary>
    private bool _namesBeyondAscii;

    /// <summary>Whether s is named, whose other case is also the long s; .NET does not know that.</summary>
    private bool _namesS;

    public RegexClass()
        : this(hasBrackets: true)
    {
    }

    private RegexClass(bool hasBrackets) => _hasBrackets = hasBrackets;

    /// <summary>A property by itself, outside of brackets.</summary>
    public static RegexClass Of(CharacterProperty property, bool negated)
    {
        var result = new RegexClass(hasBrackets: false);
        result.Add(property, negated);
        return result;
    }

    public void Negate() => _isNegated = true;

    public void Add(CharacterProperty property, bool negated)
    {
        _items.Add(negated ? () => property.Set().Not() : property.Set);
        _namesProperty = true;
        if (property.Net is not { } text || (negated && !IsSingleEscape(text)))
        {
            _needsSet = true;
        }
        else if (negated)
        {
            _text.Append('\\').Append(char.ToUpperInvariant(text[1])).Append(text.AsSpan(2));
        }
        else
        {
            _text.Append(text);
        }
    }

    public void Add(int first, int last)
    {
        _items.Add(() => CodePointSet.Of(first, last));
        _namesBeyondAscii |= last > 0x7F;
        _namesS |= (first <= 's' && last >= 's') || (first <= 'S' && last >= 'S');
        if (last > char.MaxValue || StandIns.AnyIn(first, last))
        {
            _needsSet = true;
            return;
        }

        _text.Append(NetText.InClass((char)first));
        if (last > first)
        {
            _text.Append('-').Append(NetText.InClass((char)last));
        }
    }

    /// <summary>Adds a class that stands in this one.</summary>
    public void Add(RegexClass other)
    {
        _items.Add(other.ToSet);
        _needsSet |= other._needsSet || other._isNegated;
        _namesProperty |= other._namesProperty;
        _namesBeyondAscii |= other._namesBeyondAscii;
        _namesS |= other._namesS;
        _text.Append(other._text);
    }

    /// <summary>Keeps the characters that are also in another class.</summary>
    public void Intersect(RegexClass other)
    {
        var items = _items.ToArray();
        _items.Clear();
        _items.Add(() => Union(items).And(other.ToSet()));
        _needsSet = true;
    }

    /// <summary>The class in .NET's syntax, or null where only a set says it.</summary>
    public string? ToNet(bool ignoreCase)
    {
        if (_needsSet || (ignoreCase && _hasBrackets && (_namesProperty || _namesBeyondAscii)))
        {
            return null;
        }

        var text = _text.ToString();
        if (!_hasBrackets)
        {
            text = IsSingleEscape(text) ? text : $"[{text}]";
            return ignoreCase ? $"(?-i:{text})" : text;
        }

        if (!_isNegated && IsSingleEscape(text))
        {
            return text;
        }

        text += ignoreCase && _namesS ? "\u017F" : string.Empty;
        return text.Length == 0 ? _isNegated ? @"[\s\S]" : "(?!)" : $"[{(_isNegated ? "^" : string.Empty)}{text}]";
    }

    public CodePointSet ToSet(bool ignoreCase)
    {
        var set = Union(_items);
        set = ignoreCase && _hasBrackets ? CaseVariants.Close(set) : set;
        return _isNegated ? set.Not() : set;
    }

    private CodePointSet ToSet() => ToSet(ignoreCase: false);

    private static CodePointSet Union(IEnumerable<Func<CodePointSet>> items) =>
        items.Aggregate(CodePointSet.Empty, (union, item) => union.Or(item()));

    private static bool IsSingleEscape(string text) => text.Length > 1 && text[0] == '\\'
        && ((text.Length == 2 && char.IsAsciiLetter(text[1])) || (text[1] is 'p' or 'P' && text.IndexOf('}') == text.Length - 1));
}
