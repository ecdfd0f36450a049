using System.Text.Json.Serialization;

namespace OrleansLLM.Gateway.OpenAI;

internal sealed record Usage(int PromptTokens, int CompletionTokens)
{
    public int TotalTokens => PromptTokens + CompletionTokens;

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public PromptTokensDetails? PromptTokensDetails { get; init; }
}

/// <param name="CachedTokens">Prompt tokens that came from the prefix cache.</param>
internal sealed record PromptTokensDetails(int CachedTokens);
