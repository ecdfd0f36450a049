namespace OrleansLLM.Text.Tokenizers.Patterns;

/// <summary>Reads the character classes of a regular expression.</summary>
internal static class ClassReader
{
    private const int MaxDepth = 50;

    /// <summary>The class that opens at the reader's position.</summary>
    public static RegexClass Read(RegexReader reader, int depth = 0)
    {
        if (depth > MaxDepth)
        {
            throw reader.Error("classes are nested too deeply");
        }

        reader.Next();
        var negated = reader.TryTake("^");
        var result = new RegexClass();
        RegexClass? left = null;
        for (var isFirst = true; isFirst || reader.Peek != ']'; isFirst = false)
        {
            if (!reader.TryTake("&&"))
            {
                ReadItem(reader, result, depth);
                continue;
            }

            left?.Intersect(result);
            left ??= result;
            result = new RegexClass();
        }

        reader.Next();
        left?.Intersect(result);
        result = left ?? result;
        if (negated)
        {
            result.Negate();
        }

        return result;
    }

    /// <summary>The property that an escape names (<c>\p{L}</c>, <c>\w</c>, ...), or null where it names one character; the backslash is behind.</summary>
    /// <param name="reader">Stands behind the backslash.</param>
    /// <param name="word">What \w and \p{Word} are.</param>
    public static (CharacterProperty Property, bool Negated)? TryReadEscape(RegexReader reader, CharacterProperty word)
    {
        var escape = reader.Peek;
        var negated = char.IsAsciiLetterUpper(escape);
        CharacterProperty property;
        switch (char.ToLowerInvariant(escape))
        {
            case 'p':
                reader.Next();
                return Property(reader, word, negated);
            case 'w':
                property = word;
                break;
            case 'd':
                property = CharacterProperties.Digit;
                break;
            case 's':
                property = CharacterProperties.White;
                break;
            case 'h':
                property = CharacterProperties.Hex;
                break;
            default:
                return null;
        }

        reader.Next();
        return (property, negated);
    }

    private static void ReadItem(RegexReader reader, RegexClass into, int depth)
    {
        if (reader.TryTakePosixName() is { } name)
        {
            var negated = name[0] == '^';
            var property = CharacterProperties.FindPosix(negated ? name[1..] : name)
                ?? throw reader.Error($"there is no class [:{name}:]");
            into.Add(property, negated);
        }
        else if (reader.Peek == '[')
        {
            into.Add(Read(reader, depth + 1));
        }
        else if (!reader.TryTake("\\"))
        {
            Range(reader, into, reader.NextCodePoint());
        }
        else if (!reader.AtEnd && TryReadEscape(reader, CharacterProperties.Word) is { } escaped)
        {
            into.Add(escaped.Property, escaped.Negated);
        }
        else
        {
            Range(reader, into, reader.EscapedCodePointInClass());
        }
    }

    private static void Range(RegexReader reader, RegexClass into, int first)
    {
        var last = first;
        if (reader.Follows("-") && !reader.Follows("-]") && !reader.Follows("-[") && !reader.Follows("-&&"))
        {
            reader.Next();
            last = reader.TryTake("\\") ? reader.EscapedCodePointInClass() : reader.NextCodePoint();
            if (last < first)
            {
                throw reader.Error("a range of characters runs backwards");
            }
        }

        into.Add(first, last);
    }

    private static (CharacterProperty Property, bool Negated) Property(RegexReader reader, CharacterProperty word, bool negated)
    {
        if (!reader.TryTake("{"))
        {
            throw reader.Error("a '{' must follow \\p");
        }

        negated ^= reader.TryTake("^");
        var name = reader.TakeThrough('}');
        var property = CharacterProperties.Find(name) ?? throw reader.Error($"the character property '{name}' is not built");
        return (ReferenceEquals(property, CharacterProperties.Word) ? word : property, negated);
    }
}
