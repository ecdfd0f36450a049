using System.Globalization;
using System.Text.Json;
using OrleansLLM.Gateway.Http;
using OrleansLLM.Text;
using OrleansLLM.Text.Tokenizers;

namespace OrleansLLM.Gateway.Requests;

/// <summary>Makes prompts: text becomes ids, is shortened where the client asked for it, and must fit the model.</summary>
/// <param name="field">The field that holds the prompt, for errors.</param>
internal sealed class PromptFields(RequestFields fields, ServedModel model, string field)
{
    /// <summary>Prompts of /v1/completions: a text, a list of texts, of ids, or of lists of ids.</summary>
    public IReadOnlyList<Prompt> Read(PromptEcho echo, AddedTokens added, int? asked, int standard)
    {
        if (fields.Find(field) is not { } value)
        {
            return fields.Refuse<Prompt[]>(field, $"`{field}` is missing.") ?? [];
        }

        var isList = value.ValueKind == JsonValueKind.Array;
        if (!isList || value.EnumerateArray().Take(1).Any(first => first.ValueKind == JsonValueKind.Number))
        {
            return ReadOne(value, echo, added, asked, standard) is { } only ? [only] : [];
        }

        if (!Limits.Prompts.Allows(value.GetArrayLength()))
        {
            return fields.Refuse<Prompt[]>(
                field, Limits.Prompts.Refusal(field, value.GetArrayLength().ToString(CultureInfo.InvariantCulture))) ?? [];
        }

        var prompts = new List<Prompt>();
        foreach (var item in value.EnumerateArray())
        {
            if (ReadOne(item, echo, added, asked, standard) is not { } prompt)
            {
                return [];
            }

            prompts.Add(prompt);
        }

        return prompts;
    }

    /// <summary>Refuses a text that is longer than any prompt of the model.</summary>
    public static ApiError TooManyCharacters(ServedModel model, string field, long characters) => ApiError.Invalid(
        field,
        string.Create(
            CultureInfo.InvariantCulture,
            $"This model's maximum context length is {model.MaxLength} tokens, but the prompt has {characters} characters, more than the {Limits.TextCharacters(model.MaxLength)} that can be meant for it. Shorten the prompt."),
        "context_length_exceeded");

    /// <summary>One prompt from its text; null where it does not fit.</summary>
    public Prompt? FromText(RenderedPrompt text, AddedTokens added, PromptEcho echo, int? asked, int standard)
    {
        if (Encode(text, added) is not { } ids || Fit(ids.Length, asked) is not { } kept)
        {
            return null;
        }

        return kept == ids.Length ? Create(ids, echo, text.Text, asked, standard) : Create(ids[^kept..], echo, null, asked, standard);
    }

    /// <summary>
    /// The ids of a text; null where it is so long that looking for them would only cost time and memory. A template or a client may have
    /// written the BOS that the post-processor adds: it comes once.
    /// </summary>
    public int[]? Encode(RenderedPrompt text, AddedTokens added)
    {
        if (text.Text.Length > Limits.TextCharacters(model.MaxLength))
        {
            return fields.Refuse<int[]>(TooManyCharacters(model, field, text.Text.Length));
        }

        if (!fields.TryReserve(text.Text.Length * Limits.TokenizingCost))
        {
            return null;
        }

        try
        {
            var ids = model.Tokenizer.Encode(text.Text, [.. text.Literal], added);
            var isDoubled = added == AddedTokens.PostProcessor && ids.Count > 1 && ids[0] == ids[1] && model.Tokenizer.IsSpecial(ids[0]);
            return [.. isDoubled ? ids.Skip(1) : ids];
        }
        catch (TokenizerException exception)
        {
            return fields.Refuse<int[]>(field, $"`{field}` can't be tokenized: {exception.Message}.");
        }
    }

    private Prompt? ReadOne(JsonView value, PromptEcho echo, AddedTokens added, int? asked, int standard)
    {
        if (value.ValueKind == JsonValueKind.Array)
        {
            return Fit(value.GetArrayLength(), asked) is { } kept && fields.Ids(field, value, model.Tokenizer.VocabularySize, kept) is { } ids
                ? Create(ids, echo, null, asked, standard)
                : null;
        }

        return Json.GetString(value) is { } text
            ? FromText(new RenderedPrompt(text, []), added, echo, asked, standard)
            : fields.Refuse<Prompt>(field, $"`{field}` must be text, token ids, or a list of one of them, but is {Json.Describe(value)}.");
    }

    /// <param name="text">As the client wrote it, or null where it is to be made of the ids.</param>
    private Prompt Create(int[] ids, PromptEcho echo, string? text, int? asked, int standard)
    {
        var repeated = echo == PromptEcho.None ? "" : text ?? model.Tokenizer.Decode(ids, SpecialTokens.Skip);
        return new Prompt(ids, repeated, asked ?? Math.Min(model.MaxLength - ids.Length, Math.Min(standard, model.MaxNewTokens ?? standard)));
    }

    /// <summary>How many of a prompt's last tokens are kept, all unless the client says otherwise; null where they do not fit the model.</summary>
    private int? Fit(int length, int? asked)
    {
        if (Keep(length, asked) is not { } kept)
        {
            return null;
        }

        if (kept == 0)
        {
            return fields.Refuse<int?>(field, $"`{field}` is empty: it needs at least one token.");
        }

        return model.MaxLength - kept < (asked ?? 1)
            ? fields.Refuse<int?>(ApiError.Invalid(field, TooLong(kept, asked), "context_length_exceeded"))
            : kept;
    }

    /// <summary>As vLLM: -1 keeps what leaves room for the answer. Null where nothing would be kept.</summary>
    private int? Keep(int length, int? asked)
    {
        if (fields.Integer(Limits.TruncatePromptTokens) is not { } most)
        {
            return length;
        }

        var keep = most < 0 ? Math.Max(0, model.MaxLength - Math.Max(asked ?? 0, 1)) : most;
        if (keep == 0 && length > 0)
        {
            return fields.Refuse<int?>(
                Limits.TruncatePromptTokens.Field,
                "`truncate_prompt_tokens` leaves nothing of the prompt: keep at least one token, or ask for fewer tokens than the model's length.");
        }

        return Math.Min(keep, length);
    }

    private string TooLong(int prompt, int? asked)
    {
        var lengths = string.Create(
            CultureInfo.InvariantCulture, $"This model's maximum context length is {model.MaxLength} tokens, but the prompt has {prompt} tokens");
        return asked is not { } answer
            ? $"{lengths}, which leaves no room for an answer. Shorten the prompt."
            : lengths + string.Create(
                CultureInfo.InvariantCulture,
                $" and {answer} more may be generated: {(long)prompt + answer} in all. Shorten the prompt or ask for fewer tokens.");
    }
}
