namespace OrleansLLM.Gateway.Requests;

/// <summary>
/// About how many bytes a request holds from its submission to its first token, in gateway, logs and engine together.
/// </summary>
internal static class WaitingCost
{
    /// <summary>Its texts, its log with a reader, its sequence.</summary>
    private const long PerAnswer = 8 << 10;

    /// <summary>Copies of an id on the way to the engine.</summary>
    private const long PerToken = 16;

    /// <summary>Its place in the room of a sequence, and what penalties keep of it: id, count and slot. Further answers have none before they start.</summary>
    private const long PerRoomToken = 8;
    private const long PerSeenToken = 32;

    /// <summary>New tokens whose log probabilities have their room beforehand.</summary>
    private const int PreparedTokens = 256;

    public static long Of(GenerationInput input)
    {
        var sampling = input.Settings.Sampling;
        var seen = sampling is { RepetitionPenalty: 1, PresencePenalty: 0, FrequencyPenalty: 0 } ? 0 : PerSeenToken;
        var bytes = 0L;
        foreach (var prompt in input.Prompts)
        {
            bytes += ((PerToken + PerRoomToken + seen + PerLogprob(sampling.PromptLogprobs)) * prompt.Ids.Length)
                + (PerToken * input.Settings.ListedTokens) + (PerLogprob(sampling.Logprobs) * Math.Min(prompt.MaxTokens, PreparedTokens))
                + (PerAnswer * input.Settings.Samples);
        }

        return bytes;
    }

    private static long PerLogprob(int? candidates) => candidates is { } count ? 80 + (count * (sizeof(int) + sizeof(float))) : 0;
}
