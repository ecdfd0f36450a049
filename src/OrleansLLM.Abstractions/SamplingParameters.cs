namespace OrleansLLM;

/// <summary>How tokens are drawn. Order and meaning are vLLM's; a default changes nothing.</summary>
public sealed record SamplingParameters
{
    /// <summary>Below 0.00001 = greedy.</summary>
    public float Temperature { get; init; } = 1;

    /// <summary>Keeps the most likely tokens whose probabilities add up to this; 1 = all.</summary>
    public float TopP { get; init; } = 1;

    /// <summary>Keeps that many most likely tokens, and what is as likely as the last of them; 0 = all.</summary>
    public int TopK { get; init; }

    /// <summary>Keeps tokens at least this likely relative to the most likely one; 0 = all.</summary>
    public float MinP { get; init; }

    /// <summary>Sees prompt and output; 1 = none.</summary>
    public float RepetitionPenalty { get; init; } = 1;

    /// <summary>Sees the output.</summary>
    public float PresencePenalty { get; init; }

    /// <summary>Sees the output.</summary>
    public float FrequencyPenalty { get; init; }

    /// <summary>Added to the logits of these tokens.</summary>
    public IReadOnlyList<KeyValuePair<int, float>> LogitBias { get; init; } = [];

    /// <summary>The only tokens that may be drawn; empty = all.</summary>
    public IReadOnlyList<int> AllowedTokenIds { get; init; } = [];

    /// <summary>Token sequences that must not appear: the last token of one is forbidden where the ones before it stand.</summary>
    public IReadOnlyList<IReadOnlyList<int>> BadWords { get; init; } = [];

    /// <summary>Drawn at the gateway if the client gives none.</summary>
    public ulong Seed { get; init; }

    /// <summary>Log probabilities of the drawn token and of that many most likely ones; null = none.</summary>
    public int? Logprobs { get; init; }

    /// <summary>The same for the prompt's tokens; null = none.</summary>
    public int? PromptLogprobs { get; init; }
}
