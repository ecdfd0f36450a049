using System.Text.Json.Nodes;

namespace OrleansLLM.Gateway.Answers;

/// <summary>What one or a few tokens add to an answer.</summary>
/// <param name="Tokens">The tokens whose text this is, where log probabilities were asked for.</param>
/// <param name="Ids">The tokens that were drawn since the last delta, where ids were asked for.</param>
/// <param name="Drawn">Tokens of the answer up to here.</param>
/// <param name="End">Set on an answer's last delta.</param>
internal sealed record AnswerDelta(string Text, IReadOnlyList<ShownToken> Tokens, IReadOnlyList<int> Ids, int Drawn, AnswerEnd? End = null)
{
    /// <summary>Of what computed it; null where that is not known.</summary>
    public string? SystemFingerprint { get; set; }

    /// <summary>It repeats the prompt: nothing else comes before the first token.</summary>
    public bool IsEcho => Drawn == 0 && End is null;
}

/// <param name="Reason">As OpenAI writes it.</param>
/// <param name="StopReason">vLLM's: the stop string, or the id from stop_token_ids.</param>
internal sealed record AnswerEnd(string Reason, JsonValue? StopReason)
{
    public const string Stop = "stop";
    public const string Length = "length";
}

/// <summary>A token with log probabilities.</summary>
/// <param name="Logprobs">Null at a prompt's first token, which nothing predicts.</param>
/// <param name="Offset">Where its text begins in the answer's text (with the echo), in code points.</param>
internal readonly record struct ShownToken(int Id, TokenLogprobs? Logprobs, int Offset);

/// <summary>Where an answer's pieces go. Called by one answer at a time or by several at once.</summary>
internal interface IAnswerSink
{
    ValueTask WriteAsync(Choice choice, IReadOnlyList<AnswerDelta> deltas, CancellationToken cancellation);
}
