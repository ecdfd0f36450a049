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
        if (!isList || (value.GetArrayLength() > 0 && value[0].ValueKind == JsonValueKind.Number))
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

    /// <summary>One prompt from its text; null where it does not fit.</summary>
    public Prompt? FromText(RenderedPrompt text, AddedTokens added, PromptEcho echo, int? asked, int standard) =>
        Encode(text, added) is { } ids && Truncate(ids, asked) is { } kept
            ? Fit(kept, Repeat(kept, echo, kept.Length == ids.Length ? text.Text : null), asked, standard)
            : null;

    /// <summary>
    /// The ids of a text; null where it is so long that looking for them would only cost time and memory. A template or a client may have
    /// written the BOS that the post-processor adds: it comes once.
    /// </summary>
    public int[]? Encode(RenderedPrompt text, AddedTokens added)
    {
        var most = Limits.TextCharacters(model.MaxLength);
        if (text.Text.Length > most)
        {
            return fields.Refuse<int[]>(ApiError.Invalid(field, TooManyCharacters(text.Text.Length, most), "context_length_exceeded"));
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

    private Prompt? ReadOne(JsonElement value, PromptEcho echo, AddedTokens added, int? asked, int standard)
    {
        if (value.ValueKind == JsonValueKind.Array)
        {
            return fields.Ids(field, value, model.Tokenizer.VocabularySize) is { } ids && Truncate(ids, asked) is { } kept
                ? Fit(kept, Repeat(kept, echo, null), asked, standard)
                : null;
        }

        return Json.GetString(value) is { } text
            ? FromText(new RenderedPrompt(text, []), added, echo, asked, standard)
            : fields.Refuse<Prompt>(field, $"`{field}` must be text, token ids, or a list of one of them, but is {Json.Describe(value)}.");
    }

    private string Repeat(int[] ids, PromptEcho echo, string? text) =>
        echo == PromptEcho.None ? "" : text ?? model.Tokenizer.Decode(ids, SpecialTokens.Skip);

    /// <summary>Keeps the last tokens, as vLLM: -1 keeps what leaves room for the answer. Null where nothing would be kept.</summary>
    private int[]? Truncate(int[] ids, int? asked)
    {
        if (fields.Integer(Limits.TruncatePromptTokens) is not { } most)
        {
            return ids;
        }

        var keep = most < 0 ? Math.Max(0, model.MaxLength - Math.Max(asked ?? 0, 1)) : most;
        if (keep == 0 && ids.Length > 0)
        {
            return fields.Refuse<int[]>(
                Limits.TruncatePromptTokens.Field,
                "`truncate_prompt_tokens` leaves nothing of the prompt: keep at least one token, or ask for fewer tokens than the model's length.");
        }

        return keep < ids.Length ? ids[^keep..] : ids;
    }

    private Prompt? Fit(int[] ids, string echo, int? asked, int standard)
    {
        if (ids.Length == 0)
        {
            return fields.Refuse<Prompt>(field, $"`{field}` is empty: it needs at least one token.");
        }

        var room = model.MaxLength - ids.Length;
        if (room < (asked ?? 1))
        {
            return fields.Refuse<Prompt>(ApiError.Invalid(field, TooLong(ids.Length, asked), "context_length_exceeded"));
        }

        return new Prompt(ids, echo, asked ?? Math.Min(room, Math.Min(standard, model.MaxNewTokens ?? standard)));
    }

    private string TooManyCharacters(int characters, long most) => string.Create(
        CultureInfo.InvariantCulture,
        $"This model's maximum context length is {model.MaxLength} tokens, but the prompt has {characters} characters, more than the {most} that can be meant for it. Shorten the prompt.");

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
