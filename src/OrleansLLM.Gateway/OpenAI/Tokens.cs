namespace OrleansLLM.Gateway.OpenAI;

/// <summary>vLLM's answer of /tokenize.</summary>
/// <param name="TokenStrs">The vocabulary's strings, where they were asked for.</param>
internal sealed record Tokenized(int Count, int MaxModelLen, IReadOnlyList<int> Tokens, IEnumerable<string?>? TokenStrs);

/// <summary>vLLM's answer of /detokenize.</summary>
internal sealed record Detokenized(string Prompt);

internal sealed record VersionAnswer(string Version);

internal sealed record HealthAnswer(string Status);
