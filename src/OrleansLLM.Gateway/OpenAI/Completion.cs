using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace OrleansLLM.Gateway.OpenAI;

/// <summary>An answer of /v1/completions, whole or a stream's chunk (they have one shape).</summary>
internal sealed record Completion(string Id, long Created, string Model, IReadOnlyList<CompletionChoice> Choices)
{
    public string Object { get; } = "text_completion";

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? SystemFingerprint { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public Usage? Usage { get; init; }
}

internal sealed record CompletionChoice(int Index, string Text)
{
    public CompletionLogprobs? Logprobs { get; init; }

    public string? FinishReason { get; init; }

    /// <summary>vLLM's: the stop string or the stop_token_ids entry that ended the answer.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public JsonValue? StopReason { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<int>? TokenIds { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<int>? PromptTokenIds { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IEnumerable<IReadOnlyDictionary<string, PromptLogprob>?>? PromptLogprobs { get; init; }
}

/// <summary>Parallel lists, one entry a token, made as they are written; offsets count code points of the choice's text.</summary>
internal sealed record CompletionLogprobs(
    IEnumerable<int> TextOffset,
    IEnumerable<float?> TokenLogprobs,
    IEnumerable<string> Tokens,
    IEnumerable<IReadOnlyDictionary<string, float>?> TopLogprobs);

/// <summary>vLLM's: one candidate at a prompt position, keyed by its id.</summary>
internal sealed record PromptLogprob(float Logprob, int Rank, string DecodedToken);
