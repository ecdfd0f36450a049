namespace OrleansLLM;

/// <summary>Limits that hold whatever the model: a request beyond one is refused by name and number.</summary>
public static class GenerationLimits
{
    /// <summary>Answers of one request, and children of one fork.</summary>
    public const int MaxSamples = 128;

    /// <summary>Log probabilities a position (vLLM's default for --max-logprobs).</summary>
    public const int MaxLogprobs = 20;

    /// <summary>Entries of logit_bias, stop token ids and allowed token ids together with the ids of all bad words.</summary>
    public const int MaxListedTokens = 4096;
}
