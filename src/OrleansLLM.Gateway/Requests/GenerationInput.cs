using System.Text.Json.Serialization;
using OrleansLLM.Text;

namespace OrleansLLM.Gateway.Requests;

/// <summary>What a request of either endpoint asks for, checked: prompts as ids, and how the answers are to look.</summary>
/// <param name="ModelName">As the client wrote it: a name or an alias, which answers repeat.</param>
/// <param name="Stream">Null where the answer is to be whole.</param>
/// <param name="BodyHash">Of the body that asked for it.</param>
internal sealed record GenerationInput(
    ServedModel Model,
    string ModelName,
    IReadOnlyList<Prompt> Prompts,
    GenerationSettings Settings,
    AnswerShape Shape,
    StreamOptions? Stream,
    byte[] BodyHash)
{
    public int Answers => Prompts.Count * Settings.Samples;

    /// <summary>About what it holds of memory while it waits.</summary>
    public long BytesWaiting => WaitingCost.Of(this);
}

/// <param name="Ids">At least one.</param>
/// <param name="Echo">What echo repeats: the client's text, or the text of its ids; "" where nothing is to be repeated.</param>
/// <param name="MaxTokens">New tokens at most, which fit the model's length.</param>
internal sealed record Prompt(int[] Ids, string Echo, int MaxTokens);

/// <summary>What the generator is told beside the prompt.</summary>
internal sealed record GenerationSettings
{
    public required int Samples { get; init; }

    /// <summary>All but the seed.</summary>
    public required SamplingParameters Sampling { get; init; }

    /// <summary>Null where each prompt draws its own, so that equal prompts of a list have answers of their own.</summary>
    public ulong? Seed { get; init; }

    /// <summary>stop_token_ids: they are reported as stop_reason, end-of-sequence ids are not.</summary>
    public required IReadOnlyList<int> ClientStops { get; init; }

    /// <summary>All ids that end an answer.</summary>
    public required IReadOnlyList<int> StopTokenIds { get; init; }

    public int MinTokens { get; init; }

    public int Priority { get; init; }

    public string CacheSalt { get; init; } = "";

    /// <summary>Entries of all lists of tokens.</summary>
    public int ListedTokens =>
        StopTokenIds.Count + Sampling.LogitBias.Count + Sampling.AllowedTokenIds.Count + Sampling.BadWords.Sum(word => word.Count);
}

/// <summary>How answers are to look.</summary>
internal sealed record AnswerShape
{
    [JsonRequired]
    public IReadOnlyList<string> Stop { get; init; } = [];

    public StopStringText StopText { get; init; }

    public SpecialTokens Special { get; init; }

    /// <summary>Candidates a token; null = no log probabilities.</summary>
    public int? Logprobs { get; init; }

    /// <summary>The same for prompt positions, under prompt_logprobs.</summary>
    public int? PromptLogprobs { get; init; }

    public PromptEcho Echo { get; init; }

    public TokenIds TokenIds { get; init; }

    /// <summary>Whether the log probabilities of the prompt must be read.</summary>
    [JsonIgnore]
    public bool NeedsPrompt => PromptLogprobs is not null || (Echo == PromptEcho.Repeat && Logprobs is not null);
}

internal enum PromptEcho
{
    None,
    Repeat,
}

internal enum TokenIds
{
    Hide,
    Show,
}

/// <summary>Of a streamed answer.</summary>
internal sealed record StreamOptions(UsageReport Usage);

internal enum UsageReport
{
    None,

    /// <summary>One chunk more, behind the answers.</summary>
    Last,

    /// <summary>vLLM's: in every chunk, and behind the answers.</summary>
    Every,
}
