using System.Text;

namespace OrleansLLM.Text.Tokenizers.Normalizers;

/// <summary>Unicode normalization (UAX 15).</summary>
internal sealed class UnicodeNormalizer(NormalizationForm form) : INormalizer
{
    /// <summary>
    /// Longer runs of combining characters are cut: to order them takes a square of their length, and no language has more than 30
    /// (UAX 15, section 13).
    /// </summary>
    private const int MaxRun = 128;

    private readonly NormalizationForm _decomposed = form is NormalizationForm.FormC or NormalizationForm.FormD
        ? NormalizationForm.FormD
        : NormalizationForm.FormKD;

    /// <exception cref="TokenizerException">This process runs without Unicode data, so that normalizing would silently do nothing.</exception>
    public static UnicodeNormalizer Of(NormalizationForm form) => "e\u0301".Normalize(NormalizationForm.FormC).Length == 1
        ? new UnicodeNormalizer(form)
        : throw new TokenizerException("this tokenizer normalizes Unicode, but the process runs without its data; install ICU (libicu) "
            + "and leave DOTNET_SYSTEM_GLOBALIZATION_INVARIANT unset");

    public AlignedText Normalize(AlignedText text)
    {
        if (Ascii.IsValid(text.Text) || (!HasLongRun(text.Text) && IsNormalized(text.Text)))
        {
            return text;
        }

        var builder = new AlignedTextBuilder(text);
        for (var start = 0; start < text.Text.Length;)
        {
            var end = RunEnd(text.Text, start);
            Run(builder, text.Text[start..end]);
            start = end;
        }

        return builder.Finish();
    }

    /// <summary>Runs begin where nothing composes with what stands before.</summary>
    private static int RunEnd(string text, int start)
    {
        var end = start + Runes.LengthAt(text, start);
        while (end < text.Length && end - start < MaxRun && Joins(Runes.At(text, end)))
        {
            end += Runes.LengthAt(text, end);
        }

        return end;
    }

    private static bool HasLongRun(string text)
    {
        var length = 0;
        for (var at = 0; at < text.Length && length < MaxRun; at += Runes.LengthAt(text, at))
        {
            length = text[at] >= 0x80 && Joins(Runes.At(text, at)) ? length + 1 : 0;
        }

        return length == MaxRun;
    }

    private static bool Joins(Rune rune) => !rune.IsAscii
        && (Runes.IsMark(rune) || rune.Value is (>= 0x1160 and <= 0x11FF) or (>= 0xFF9E and <= 0xFFDC));

    private void Run(AlignedTextBuilder builder, string run)
    {
        var normalized = Form(run, form);
        if (normalized == run)
        {
            builder.Copy(run.Length);
        }
        else
        {
            Replay(builder, run, normalized);
        }
    }

    /// <summary>
    /// Finds for each character of the result the characters of the decomposition that it is composed of: a decomposition's first character
    /// replaces the source's, its further ones are inserted, and a composition removes what it takes in.
    /// </summary>
    private void Replay(AlignedTextBuilder builder, string run, string normalized)
    {
        var parts = new List<(Rune Rune, int Change, bool IsUsed)>();
        foreach (var source in run.EnumerateRunes())
        {
            var change = 0;
            foreach (var part in Form(source.ToString(), _decomposed).EnumerateRunes())
            {
                parts.Add((part, change, IsUsed: false));
                change = 1;
            }
        }

        var end = builder.Position + run.Length;
        foreach (var rune in normalized.EnumerateRunes())
        {
            var change = 1;
            foreach (var part in Form(rune.ToString(), _decomposed).EnumerateRunes())
            {
                change += Take(parts, part) - 1;
            }

            Apply(builder, rune, change, end);
        }

        builder.Skip(Math.Max(0, end - builder.Position));
    }

    private static void Apply(AlignedTextBuilder builder, Rune rune, int change, int end)
    {
        if (change > 0)
        {
            builder.Insert(rune);
            return;
        }

        builder.Replace(rune);
        for (; change < 0 && builder.Position < end; change++)
        {
            builder.Skip();
        }
    }

    private static int Take(List<(Rune Rune, int Change, bool IsUsed)> parts, Rune rune)
    {
        for (var i = 0; i < parts.Count; i++)
        {
            if (!parts[i].IsUsed && parts[i].Rune == rune)
            {
                parts[i] = parts[i] with { IsUsed = true };
                return parts[i].Change;
            }
        }

        return 0;
    }

    private bool IsNormalized(string text) => HasInert(text) ? Form(text, form) == text : text.IsNormalized(form);

    /// <summary>As <see cref="string.Normalize(NormalizationForm)"/>, but for what stays as it is.</summary>
    private static string Form(string text, NormalizationForm form)
    {
        if (!HasInert(text))
        {
            return text.Normalize(form);
        }

        var result = new StringBuilder();
        var start = 0;
        for (var at = 0; at < text.Length; at += Runes.LengthAt(text, at))
        {
            if (OlderUnicode.IsInert(Runes.At(text, at)))
            {
                var next = at + Runes.LengthAt(text, at);
                result.Append(text[start..at].Normalize(form)).Append(text, at, next - at);
                start = next;
            }
        }

        return result.Append(text[start..].Normalize(form)).ToString();
    }

    private static bool HasInert(string text)
    {
        foreach (var rune in text.EnumerateRunes())
        {
            if (OlderUnicode.IsInert(rune))
            {
                return true;
            }
        }

        return false;
    }
}
