namespace OrleansLLM.Templates.Syntax;

/// <summary>Finds {% raw %} and {% endraw %}: what lies between is text, whatever it looks like.</summary>
internal static class RawBlock
{
    /// <summary>Where the block's content begins if "raw" and the end of the tag stand here, else null.</summary>
    /// <param name="at">The inside of a tag, behind its sign.</param>
    public static int? FindContent(string source, int at)
    {
        at = WhiteSpace.Skip(source, at);
        if (!Stands(source, at, "raw"))
        {
            return null;
        }

        at = WhiteSpace.Skip(source, at + 3);
        return Stands(source, at, "-%}") ? WhiteSpace.Skip(source, at + 3)
            : Stands(source, at, "%}") ? at + 2
            : null;
    }

    /// <summary>The next tag that ends a raw block, null where there is none.</summary>
    public static RawBlockEnd? FindEnd(string source, int start)
    {
        for (var tag = source.IndexOf("{%", start, StringComparison.Ordinal); tag >= 0; tag = source.IndexOf("{%", tag + 1, StringComparison.Ordinal))
        {
            if (EndAt(source, tag) is { } end)
            {
                return end;
            }
        }

        return null;
    }

    private static RawBlockEnd? EndAt(string source, int tag)
    {
        var sign = WhiteSpace.SignAt(source, tag + 2);
        var at = WhiteSpace.Skip(source, tag + 2 + (sign == '\0' ? 0 : 1));
        if (!Stands(source, at, "endraw"))
        {
            return null;
        }

        at = WhiteSpace.Skip(source, at + 6);
        var endSign = WhiteSpace.SignAt(source, at);
        at += endSign == '\0' ? 0 : 1;
        return Stands(source, at, "%}") ? new(tag, sign, at + 2, endSign) : null;
    }

    private static bool Stands(string source, int at, string text) => string.CompareOrdinal(source, at, text, 0, text.Length) == 0;
}

/// <param name="Tag">Where the tag begins, and the content ends.</param>
/// <param name="Sign">What the tag says about the white space before it.</param>
/// <param name="End">Where the tag ends.</param>
/// <param name="EndSign">What the tag says about the white space behind it.</param>
internal readonly record struct RawBlockEnd(int Tag, char Sign, int End, char EndSign);
