using System.Security.Cryptography;
using System.Text;

namespace OrleansLLM.Gateway.Answers;

/// <summary>How an engine's fingerprint is shown to clients, as OpenAI shows it: equal ones give equal tokens for equal seeds.</summary>
internal static class SystemFingerprint
{
    public static string Of(string fingerprint) => $"fp_{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(fingerprint)).AsSpan(0, 5))}";

    /// <summary>That of a whole answer: all that computed some of it, in their order; null where none is known.</summary>
    public static string? OfAll(IEnumerable<CollectedAnswer> answers) =>
        string.Join(',', answers.SelectMany(answer => answer.Fingerprints).Distinct()) is { Length: > 0 } all ? all : null;
}
