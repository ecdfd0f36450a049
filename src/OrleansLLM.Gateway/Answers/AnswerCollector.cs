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
}
