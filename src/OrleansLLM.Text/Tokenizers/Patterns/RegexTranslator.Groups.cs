using System.Globalization;

namespace OrleansLLM.Text.Tokenizers.Patterns;

/// <summary>What (?i) and (?m) switch; Oniguruma's m lets the dot match a newline, which .NET calls s.</summary>
internal readonly record struct GroupOptions(bool IgnoreCase, bool DotMatchesNewline);

/// <summary>What the first reading of a pattern finds out about its groups for the next one.</summary>
internal sealed class GroupNames
{
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);

    /// <summary>Whether groups have names: then those without are not counted, as if each began with ?:.</summary>
    public bool Exist => _names.Count > 0;

    /// <summary>Whether a back-reference compares what a group matched.</summary>
    public bool AreReferred { get; private set; }

    /// <summary>Whether one of them ignores case.</summary>
    public bool AreFolded { get; private set; }

    public void Refer(GroupOptions options)
    {
        AreReferred = true;
        AreFolded |= options.IgnoreCase;
    }

    public void Add(string name) => _names.Add(name);

    public bool Contains(string name) => _names.Contains(name);
}

/// <content>Groups, options and back-references.</content>
internal sealed partial class RegexTranslator
{
    private readonly GroupNames _names;
    private readonly Stack<(int Start, GroupOptions Options, int OpenOptions)> _groups = new();

    /// <summary>How many (?i) stand open, each as a group that ends with the one around it.</summary>
    private int _openOptions;

    /// <summary>How many groups with a number were opened.</summary>
    private int _captures;

    private void OpenGroup()
    {
        var start = _output.Length;
        _reader.Next();
        if (!_reader.TryTake("?"))
        {
            _captures++;
            Open(_names.Exist ? "(?:" : "(", start);
            return;
        }

        if (_reader.TryTake("#"))
        {
            _reader.TakeThrough(')');
            return;
        }

        foreach (var opening in (ReadOnlySpan<string>)[":", "=", "!", ">", "<=", "<!"])
        {
            if (_reader.TryTake(opening))
            {
                Open("(?" + opening, start);
                return;
            }
        }

        if (_reader.TryTake("<") || _reader.TryTake("'"))
        {
            var name = TakeName(_reader.Previous == '<' ? '>' : '\'');
            _names.Add(name);
            Open($"(?<{name}>", start);
            return;
        }

        ReadOptions(start);
    }

    private void Open(string text, int start)
    {
        _output.Append(text);
        _groups.Push((start, _options, _openOptions));
        _openOptions = 0;
        _atom = _output.Length;
    }

    /// <summary>(?i), (?i:...), (?m), ... An option by itself is a group that holds the rest of the one around it, its alternatives too.</summary>
    private void ReadOptions(int start)
    {
        var (inside, text) = ReadSwitches();
        if (_reader.AtEnd)
        {
            throw _reader.Error("a group is not closed");
        }

        if (_reader.Next() == ':')
        {
            Open(text, start);
        }
        else
        {
            _output.Append(text);
            _openOptions++;
            _atom = _output.Length;
        }

        _options = inside;
    }

    private (GroupOptions Inside, string Text) ReadSwitches()
    {
        var isOn = true;
        var inside = _options;
        var text = "(?";
        while (!_reader.AtEnd && _reader.Peek is not (':' or ')'))
        {
            var option = _reader.Next();
            isOn &= option != '-';
            inside = option switch
            {
                'i' => inside with { IgnoreCase = isOn },
                'm' => inside with { DotMatchesNewline = isOn },
                '-' => inside,
                _ => throw _reader.Error($"the option '{option}' of a group is not built"),
            };
            text += option == 'm' ? 's' : option;
        }

        return (inside, text + ":");
    }

    private void CloseGroup()
    {
        _reader.Next();
        if (!_groups.TryPop(out var group))
        {
            throw _reader.Error("a ')' closes no group");
        }

        _output.Append(')', _openOptions + 1);
        (_atom, _options, _openOptions) = group;
    }

    /// <summary>\1 and so on; more than one digit with no such group yet is an octal number, and false.</summary>
    private bool TryReference()
    {
        var start = _reader.Position;
        if (_reader.TryTakeNumber() is { } number && (number <= _captures || number <= 9))
        {
            Refer(number);
            return true;
        }

        _reader.Return(start);
        return false;
    }

    /// <summary>\k&lt;name&gt;, \k&lt;1&gt;, \k&lt;-1&gt; and \k&lt;+1&gt;, also between quotes.</summary>
    private void NamedReference()
    {
        _reader.Next();
        if (!_reader.TryTake("<") && !_reader.TryTake("'"))
        {
            Literal('k');
            return;
        }

        var name = TakeName(_reader.Previous == '<' ? '>' : '\'');
        if (name[0] is not ('-' or '+') && !char.IsAsciiDigit(name[0]))
        {
            if (!_names.Contains(name))
            {
                throw _reader.Error($"there is no group '{name}'");
            }

            _names.Refer(_options);
            _output.Append(@"\k<").Append(name).Append('>');
            return;
        }

        if (!int.TryParse(name, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number))
        {
            throw _reader.Error($"the back-reference '{name}' is not built");
        }

        Refer(name[0] switch { '-' => _captures + 1 + number, '+' => _captures + number, _ => number });
    }

    private void Refer(int number)
    {
        if (number < 1 || _names.Exist)
        {
            throw _reader.Error(number < 1 ? "there is no such group" : "where groups have names, a back-reference must name one");
        }

        _names.Refer(_options);
        _output.Append(CultureInfo.InvariantCulture, $@"\k<{number}>");
    }

    private string TakeName(char end)
    {
        var name = _reader.TakeThrough(end);
        return name.Length > 0 && name.All(character => char.IsLetterOrDigit(character) || character is '_' or '-' or '+')
            ? name
            : throw _reader.Error($"'{name}' is no name of a group");
    }
}
