namespace OrleansLLM;

/// <summary>
/// One prompt and what is wanted of it: a value that can be written down in a journal and gone on with anywhere.
/// </summary>
public sealed record GenerationRequest
{
    public required RequestId Id { get; init; }

    /// <summary>The served model's name, as the fleet knows it.</summary>
    public required string Model { get; init; }

    /// <summary>At least one id, each below the vocabulary's size.</summary>
    public required ReadOnlyMemory<int> PromptIds { get; init; }

    /// <summary>n: answers that share the prompt's blocks.</summary>
    public int Samples { get; init; } = 1;

    public SamplingParameters Sampling { get; init; } = new();

    /// <summary>Tokens that end an answer, end-of-sequence included unless the client asked to ignore it.</summary>
    public IReadOnlyList<int> StopTokenIds { get; init; } = [];

    /// <summary>New tokens at most; 0 computes the prompt only (echo with prompt log probabilities).</summary>
    public required int MaxTokens { get; init; }

    /// <summary>Stop tokens are not drawn before that many new tokens.</summary>
    public int MinTokens { get; init; }

    /// <summary>A lower number goes first; equal ones by arrival.</summary>
    public int Priority { get; init; }

    /// <summary>
    /// Its place, from 0, among the prompts that its caller asked for at once: where it is crowded, first answers to first prompts keep a quarter of the
    /// places, so that who asks for little is served beside who asks for much.
    /// </summary>
    public int PromptIndex { get; init; }

    /// <summary>Whose request it is, empty without keys: only its owner may read, fork or end it.</summary>
    public string Tenant { get; init; } = "";

    /// <summary>Whoever gives the same one shares cached prefixes; empty shares with the requests of its tenant.</summary>
    public string CacheSalt { get; init; } = "";

    /// <summary>Requests share cached prefixes where this is equal: the salt, or else the tenant.</summary>
    public string PrefixOwner => CacheSalt.Length > 0 ? $"salt {CacheSalt}" : Tenant.Length > 0 ? $"tenant {Tenant}" : "";

    /// <summary>How long an answer goes on after its last reader has left.</summary>
    public TimeSpan Linger { get; init; }

    /// <summary>From submission to the last token; null = no limit.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>From submission to the first step; null = no limit.</summary>
    public TimeSpan? QueueTimeout { get; init; }

    /// <summary>
    /// What the gateway needs to go on with the answer, in bytes of its own: nobody below looks into them, and they travel and are kept with the
    /// request. Empty where there is nothing to go on with.
    /// </summary>
    public ReadOnlyMemory<byte> Envelope { get; init; }
}
