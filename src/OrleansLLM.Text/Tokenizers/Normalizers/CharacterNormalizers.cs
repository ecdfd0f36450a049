using System.Globalization;
using System.Text;

namespace OrleansLLM.Text.Tokenizers.Normalizers;

/// <summary>Lower case, each character by itself.</summary>
internal sealed class LowercaseNormalizer : INormalizer
{
    private const int CapitalIWithDot = 0x130;

    public AlignedText Normalize(AlignedText text)
    {
        var builder = new AlignedTextBuilder(text);
        while (builder.Position < text.Text.Length)
        {
            var rune = Runes.At(text.Text, builder.Position);
            if (rune.Value == CapitalIWithDot)
            {
                builder.Replace(new Rune('i'));
                builder.Insert(new Rune('\u0307'));
            }
            else
            {
                builder.Replace(NewerCasing.ToLower(rune));
            }
        }

        return builder.Finish();
    }
}

/// <summary>Drops combining marks.</summary>
internal sealed class StripAccentsNormalizer : INormalizer
{
    public AlignedText Normalize(AlignedText text) => CharacterFilter.Apply(text, rune => !OlderUnicode.IsMark(rune), rune => rune);
}

/// <summary>What SentencePiece's nmt rules drop and turn into spaces.</summary>
internal sealed class NmtNormalizer : INormalizer
{
    public AlignedText Normalize(AlignedText text) => CharacterFilter.Apply(text, IsKept, Map);

    private static bool IsKept(Rune rune) => rune.Value
        is not ((>= 0x1 and <= 0x8) or 0xB or (>= 0xE and <= 0x1F) or 0x7F or 0x8F or 0x9F);

    private static Rune Map(Rune rune) => rune.Value
        is 0x9 or 0xA or 0xC or 0xD or 0x1680 or (>= 0x200B and <= 0x200F) or 0x2028 or 0x2029 or 0x2581 or 0xFEFF or 0xFFFD
        ? new Rune(' ')
        : rune;
}

/// <summary>Turns a text into byte-level characters, one for each UTF-8 byte.</summary>
internal sealed class ByteLevelNormalizer : INormalizer
{
    public AlignedText Normalize(AlignedText text)
    {
        var builder = new AlignedTextBuilder(text);
        Span<byte> bytes = stackalloc byte[4];
        while (builder.Position < text.Text.Length)
        {
            var count = Runes.At(text.Text, builder.Position).EncodeToUtf8(bytes);
            builder.Replace(new Rune(ByteCharacters.ToCharacter(bytes[0])));
            foreach (var further in bytes[1..count])
            {
                builder.Insert(new Rune(ByteCharacters.ToCharacter(further)));
            }
        }

        return builder.Finish();
    }
}

/// <summary>BERT's cleaning: control characters out, spaces around Chinese characters, accents off, lower case.</summary>
internal sealed class BertNormalizer(IReadOnlyList<Func<AlignedText, AlignedText>> steps) : INormalizer
{
    private static readonly UnicodeNormalizer Decompose = new(NormalizationForm.FormD);
    private static readonly LowercaseNormalizer Lowercase = new();

    public static BertNormalizer Read(TokenizerComponent component)
    {
        var lowercase = component.Boolean("lowercase");
        var steps = new List<Func<AlignedText, AlignedText>>();
        if (component.Boolean("clean_text"))
        {
            steps.Add(text => CharacterFilter.Apply(text, IsKept, rune => Runes.IsWhiteSpace(rune) ? new Rune(' ') : rune));
        }

        if (component.Boolean("handle_chinese_chars"))
        {
            steps.Add(SurroundChinese);
        }

        if (component.OptionalBoolean("strip_accents") ?? lowercase)
        {
            steps.Add(text => CharacterFilter.Apply(
                Decompose.Normalize(text), rune => !OlderUnicode.IsNonspacingMark(rune), rune => rune));
        }

        if (lowercase)
        {
            steps.Add(Lowercase.Normalize);
        }

        return new BertNormalizer(steps);
    }

    public AlignedText Normalize(AlignedText text) => steps.Aggregate(text, (current, step) => step(current));

    private static bool IsKept(Rune rune) => rune.Value is '\t' or '\n' or '\r'
        || (rune.Value is not (0 or 0xFFFD) && !OlderUnicode.IsFormat(rune)
            && Rune.GetUnicodeCategory(rune) is not (UnicodeCategory.Control or UnicodeCategory.PrivateUse));

    private static AlignedText SurroundChinese(AlignedText text)
    {
        var builder = new AlignedTextBuilder(text);
        while (builder.Position < text.Text.Length)
        {
            var rune = Runes.At(text.Text, builder.Position);
            if (IsChinese(rune.Value))
            {
                builder.Replace(new Rune(' '));
                builder.Insert(rune);
                builder.Insert(new Rune(' '));
            }
            else
            {
                builder.Replace(rune);
            }
        }

        return builder.Finish();
    }

    private static bool IsChinese(int value) => value is (>= 0x4E00 and <= 0x9FFF) or (>= 0x3400 and <= 0x4DBF)
        or (>= 0x20000 and <= 0x2A6DF) or (>= 0x2A700 and <= 0x2B73F) or (>= 0x2B740 and <= 0x2B81F)
        or (>= 0x2B920 and <= 0x2CEAF) or (>= 0xF900 and <= 0xFAFF) or (>= 0x2F800 and <= 0x2FA1F);
}

internal static class CharacterFilter
{
    /// <summary>Drops what is not kept and maps the rest.</summary>
    public static AlignedText Apply(AlignedText text, Func<Rune, bool> isKept, Func<Rune, Rune> map)
    {
        var builder = new AlignedTextBuilder(text);
        while (builder.Position < text.Text.Length)
        {
            var rune = Runes.At(text.Text, builder.Position);
            if (isKept(rune))
            {
                builder.Replace(map(rune));
            }
            else
            {
                builder.Skip();
            }
        }

        return builder.Finish();
    }
}
