using System.Text;

namespace OrleansLLM.Gateway.Answers;

/// <summary>Gathers whole answers, for a request that does not stream.</summary>
internal sealed class AnswerCollector(int choices) : IAnswerSink
{
    public CollectedAnswer[] Answers { get; } = [.. Enumerable.Range(0, choices).Select(_ => new CollectedAnswer())];

    public ValueTask WriteAsync(Choice choice, IReadOnlyList<AnswerDelta> deltas, CancellationToken cancellation)
    {
        var answer = Answers[choice.Index];
        foreach (var delta in deltas)
        {
            answer.Text.Append(delta.Text);
            answer.Tokens.AddRange(delta.Tokens);
            answer.Ids.AddRange(delta.Ids);
            answer.End = delta.End;
            answer.Add(delta.SystemFingerprint);
        }

        return ValueTask.CompletedTask;
    }
}

internal sealed class CollectedAnswer
{
    public StringBuilder Text { get; } = new();

    public List<ShownToken> Tokens { get; } = [];

    public List<int> Ids { get; } = [];

    public AnswerEnd? End { get; set; }

    /// <summary>Of what computed it, in their order.</summary>
    public List<string> Fingerprints { get; } = [];

    public void Add(string? fingerprint)
    {
        if (fingerprint is not null && (Fingerprints.Count == 0 || Fingerprints[^1] != fingerprint))
        {
            Fingerprints.Add(fingerprint);
        }
    }
}
