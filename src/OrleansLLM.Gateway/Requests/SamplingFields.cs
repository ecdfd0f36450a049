using System.Globalization;
using System.Text.Json;
using OrleansLLM.Gateway.Http;
using OrleansLLM.Text;
using static System.FormattableString;

namespace OrleansLLM.Gateway.Requests;

/// <summary>How tokens are drawn: the request's fields over the model's defaults.</summary>
internal static class SamplingFields
{
    // The least that a float can tell from nothing: OpenAI allows top_p 0, which leaves the most likely token.
    private const float SmallestTopP = 1e-6f;

    // OpenAI documents -100 as a ban.
    private const double BanningBias = -100;

    public static SamplingParameters Read(RequestFields fields, ServedModel model, AnswerShape shape)
    {
        var defaults = model.Defaults;
        return defaults with
        {
            Temperature = Softened(fields.Number(Limits.Temperature) ?? defaults.Temperature),
            TopP = Math.Max(fields.Number(Limits.TopP) ?? defaults.TopP, SmallestTopP),
            TopK = Math.Clamp(fields.Integer(Limits.TopK) ?? defaults.TopK, 0, model.Tokenizer.VocabularySize),
            MinP = fields.Number(Limits.MinP) ?? defaults.MinP,
            RepetitionPenalty = fields.Number(Limits.RepetitionPenalty) ?? defaults.RepetitionPenalty,
            PresencePenalty = fields.Number(Limits.PresencePenalty) ?? defaults.PresencePenalty,
            FrequencyPenalty = fields.Number(Limits.FrequencyPenalty) ?? defaults.FrequencyPenalty,
            LogitBias = ReadBias(fields, model.Tokenizer.VocabularySize),
            AllowedTokenIds = [.. (fields.Ids(Limits.AllowedTokenIds, model.Tokenizer.VocabularySize) ?? []).Distinct()],
            BadWords = ReadBadWords(fields, model.Tokenizer),
            Logprobs = shape.Logprobs,
            PromptLogprobs = PromptLogprobs(shape),
        };
    }

    private static float Softened(float temperature) =>
        temperature is > 0 and < Limits.SmallestTemperature ? Limits.SmallestTemperature : temperature;

    private static int? PromptLogprobs(AnswerShape shape) =>
        !shape.NeedsPrompt ? null : Math.Max(shape.PromptLogprobs ?? 0, shape.Echo == PromptEcho.Repeat ? shape.Logprobs ?? 0 : 0);

    private static KeyValuePair<int, float>[] ReadBias(RequestFields fields, int vocabulary)
    {
        var field = Limits.LogitBias.Field;
        if (fields.Find(field) is not { } value)
        {
            return [];
        }

        if (value.ValueKind != JsonValueKind.Object)
        {
            return fields.Refuse<KeyValuePair<int, float>[]>(
                field, $"`{field}` must be an object of token ids and biases, but is {Json.Describe(value)}.") ?? [];
        }

        if (!Limits.LogitBias.Allows(value.GetPropertyCount()))
        {
            return fields.Refuse<KeyValuePair<int, float>[]>(
                field, Limits.LogitBias.Refusal(field, value.GetPropertyCount().ToString(CultureInfo.InvariantCulture))) ?? [];
        }

        var biases = new Dictionary<int, float>();
        foreach (var member in value.EnumerateObject())
        {
            if (!TryReadBias(fields, member, vocabulary, out var id, out var bias))
            {
                return [];
            }

            biases[id] = bias;
        }

        return [.. biases];
    }

    private static bool TryReadBias(RequestFields fields, in JsonMember member, int vocabulary, out int id, out float bias)
    {
        var field = Limits.LogitBias.Field;
        bias = 0;
        if (!int.TryParse(member.Name, NumberStyles.None, CultureInfo.InvariantCulture, out id) || id >= vocabulary)
        {
            var wrong = ApiError.Shorten(member.Name);
            return fields.Refuse<bool>(field, string.Create(
                CultureInfo.InvariantCulture, $"`{field}` must be keyed by token ids from 0 to {vocabulary - 1}, but has `{wrong}`."));
        }

        if (!Json.TryGetNumber(member.Value, out var number) || !Limits.LogitBiasValue.AllowsNumber(number))
        {
            return fields.Refuse<bool>(field, Limits.LogitBiasValue.Refusal(Invariant($"{field}.{id}"), Json.Describe(member.Value)));
        }

        bias = number <= BanningBias ? float.NegativeInfinity : (float)number;
        return true;
    }

    private static List<IReadOnlyList<int>> ReadBadWords(RequestFields fields, TextTokenizer tokenizer)
    {
        var words = fields.Texts(Limits.BadWords, Limits.BadWordCharacters).SelectMany(word => Spellings(word, tokenizer)).ToList();
        var tokens = words.Sum(word => word.Count);
        return tokens <= GenerationLimits.MaxListedTokens
            ? words
            : fields.Refuse<List<IReadOnlyList<int>>>(
                Limits.BadWords.Field,
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"`bad_words` may have {GenerationLimits.MaxListedTokens} tokens in all, but has {tokens}, each word counted with and without a space before it.")) ?? [];
    }

    /// <summary>
    /// A word's ids, as it stands at a text's start and behind a space (as vLLM: the second only where it is as long and begins with
    /// another token).
    /// </summary>
    private static IEnumerable<IReadOnlyList<int>> Spellings(string word, TextTokenizer tokenizer)
    {
        var bare = word.TrimStart();
        var first = tokenizer.Encode(bare, [], AddedTokens.None);
        if (first.Count == 0)
        {
            yield break;
        }

        yield return first;
        var spaced = tokenizer.Encode(" " + bare, [], AddedTokens.None);
        if (spaced.Count == first.Count && spaced[0] != first[0])
        {
            yield return spaced;
        }
    }
}
