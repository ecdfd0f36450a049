using System.Globalization;
using OrleansLLM.Gateway.Http;
using OrleansLLM.Text;

namespace OrleansLLM.Gateway.Requests;

/// <summary>The fields that both generating endpoints have.</summary>
internal static class CommonFields
{
    public static GenerationSettings ReadSettings(RequestFields fields, ServedModel model, AnswerShape shape)
    {
        var samples = fields.Integer(Limits.Samples) ?? 1;
        if (fields.Integer(Limits.BestOf) is { } candidates && candidates != samples)
        {
            fields.Refuse<object>(ApiError.NotBuilt("best_of", "all `n` answers are returned, leave it out or make it equal to `n`."));
        }

        var clientStops = fields.Ids(Limits.StopTokenIds, model.Tokenizer.VocabularySize) ?? [];
        var ignoresEnd = fields.Flag("ignore_eos") ?? false;
        return new GenerationSettings
        {
            Samples = samples,
            Sampling = SamplingFields.Read(fields, model, shape),
            Seed = fields.Long(Limits.Seed) is { } seed ? unchecked((ulong)seed) : null,
            ClientStops = clientStops,
            StopTokenIds = ignoresEnd ? clientStops : [.. model.EndTokens.Union(clientStops)],
            MinTokens = fields.Integer(Limits.MinTokens) ?? 0,
            Priority = fields.Integer(Limits.Priority) ?? 0,
            CacheSalt = fields.Text(Limits.CacheSalt) ?? "",
        };
    }

    /// <summary>All but log probabilities and echo, which the endpoints write in their own ways.</summary>
    public static AnswerShape ReadShape(RequestFields fields) => new()
    {
        Stop = fields.Texts(Limits.Stop, Limits.StopCharacters),
        StopText = fields.Flag("include_stop_str_in_output") == true ? StopStringText.Included : StopStringText.Excluded,
        Special = fields.Flag("skip_special_tokens") == false ? SpecialTokens.Keep : SpecialTokens.Skip,
        TokenIds = fields.Flag("return_token_ids") == true ? TokenIds.Show : TokenIds.Hide,
        PromptLogprobs = fields.Integer(Limits.PromptLogprobs),
    };

    /// <summary>Null where the answer is to be whole.</summary>
    public static StreamOptions? ReadStream(RequestFields fields, AnswerShape shape)
    {
        var streams = fields.Flag("stream") == true;
        var options = fields.Object("stream_options", "include_usage", "continuous_usage_stats");
        if (!streams)
        {
            return options is null ? null : fields.Refuse<StreamOptions>("stream_options", "`stream_options` needs `stream` to be true.");
        }

        if (shape.PromptLogprobs is not null)
        {
            return fields.Refuse<StreamOptions>("prompt_logprobs", "`prompt_logprobs` can't be streamed: leave `stream` out.");
        }

        var include = options?.Flag("include_usage") == true;
        var everywhere = options?.Flag("continuous_usage_stats") == true;
        if (options?.Error is { } error)
        {
            return fields.Refuse<StreamOptions>(error);
        }

        return new StreamOptions(include ? everywhere ? UsageReport.Every : UsageReport.Last : UsageReport.None);
    }

    /// <summary>What stands between fields: limits that only several of them together can break.</summary>
    public static void Check(RequestFields fields, IReadOnlyList<Prompt> prompts, GenerationSettings settings)
    {
        if ((long)prompts.Count * settings.Samples > Limits.Answers)
        {
            fields.Refuse<object>("n", string.Create(
                CultureInfo.InvariantCulture,
                $"{prompts.Count} prompts with `n` {settings.Samples} are more than the {Limits.Answers} answers that one request may have."));
        }

        if (prompts.Any(prompt => prompt.MaxTokens < settings.MinTokens))
        {
            fields.Refuse<object>("min_tokens", string.Create(
                CultureInfo.InvariantCulture,
                $"`min_tokens` is {settings.MinTokens}, but only {prompts.Min(prompt => prompt.MaxTokens)} tokens may be generated."));
        }
    }
}
