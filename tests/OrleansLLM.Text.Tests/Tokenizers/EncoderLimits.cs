using System.Text.Json;
using OrleansLLM.Text.Tokenizers;

namespace OrleansLLM.Text.Tests.Tokenizers;

/// <summary>
/// What the truncation and padding written in a tokenizer.json make of an encoded text. They are meant for an encoder's batches: a server
/// applies neither, as transformers applies neither unless it is asked to, so they stand here and the reference's answers can be compared.
/// </summary>
internal sealed class EncoderLimits
{
    private readonly JsonElement? _truncation;
    private readonly JsonElement? _padding;

    private EncoderLimits(JsonElement file)
    {
        _truncation = Section(file, "truncation");
        _padding = Section(file, "padding");
    }

    public static EncoderLimits Read(string path)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(path));
        return new EncoderLimits(document.RootElement.Clone());
    }

    /// <summary>Cuts the text's own tokens, so that with those put in they are no more than the longest; then fills up.</summary>
    public TokenizedText Apply(TokenizedText text)
    {
        var kept = Enumerable.Range(0, text.Ids.Count).Except(Cut(text)).ToList();
        var missing = Math.Max(0, PaddedLength(kept.Count) - kept.Count);
        var limited = new TokenizedText(Tracking.Extents);
        var isLeft = _padding is { } side && side.GetProperty("direction").GetString() == "Left";
        Pad(limited, isLeft ? missing : 0);
        foreach (var position in kept)
        {
            if (text.Added.Contains(position))
            {
                limited.AddSpecial(text.Ids[position], text.Texts[position], text.Types[position]);
                continue;
            }

            limited.Add(text.Ids[position], text.Extents[position], text.Words[position], text.Texts[position]);
            limited.Types[^1] = text.Types[position];
        }

        Pad(limited, isLeft ? 0 : missing);
        return limited;
    }

    private IEnumerable<int> Cut(TokenizedText text)
    {
        if (_truncation is not { } truncation)
        {
            return [];
        }

        var own = Enumerable.Range(0, text.Ids.Count).Except(text.Added).ToList();
        var excess = Math.Max(0, text.Ids.Count - truncation.GetProperty("max_length").GetInt32());
        return truncation.GetProperty("direction").GetString() == "Left" ? own.Take(excess) : own.TakeLast(excess);
    }

    private int PaddedLength(int length)
    {
        if (_padding is not { } padding)
        {
            return length;
        }

        var strategy = padding.GetProperty("strategy");
        var target = strategy.ValueKind == JsonValueKind.Object ? Math.Max(length, strategy.GetProperty("Fixed").GetInt32()) : length;
        return padding.GetProperty("pad_to_multiple_of") is { ValueKind: JsonValueKind.Number } multiple
            ? (target + multiple.GetInt32() - 1) / multiple.GetInt32() * multiple.GetInt32()
            : target;
    }

    private void Pad(TokenizedText text, int count)
    {
        for (var i = 0; i < count && _padding is { } padding; i++)
        {
            text.AddSpecial(
                padding.GetProperty("pad_id").GetInt32(), padding.GetProperty("pad_token").GetString()!, padding.GetProperty("pad_type_id").GetInt32());
        }
    }

    private static JsonElement? Section(JsonElement file, string name) =>
        file.TryGetProperty(name, out var section) && section.ValueKind == JsonValueKind.Object ? section : null;
}
