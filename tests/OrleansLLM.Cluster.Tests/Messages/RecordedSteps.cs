using OrleansLLM.Sequences;

namespace OrleansLLM.Cluster.Tests;

/// <summary>The step entries whose bytes lie in Recorded/: every field by its name, each part once with the others and once alone.</summary>
internal static class RecordedSteps
{
    private static readonly StepEntry Nothing = new(
        Sequence: new SequenceId(Request: new RequestId(Upper: 0x0123456789ABCDEF, Lower: 0xFEDCBA9876543210), Index: 11),
        Epoch: new Epoch(1L << 42),
        Position: 13,
        Token: null,
        Logprobs: null,
        PromptLogprobs: null,
        CachedTokens: 14,
        End: null);

    private static readonly TokenLogprobs Logprobs = new(
        Logprob: -0.5f, Rank: 21, TopIds: new[] { 22, 23 }, TopLogprobs: new[] { -0.25f, -0.75f });

    private static readonly TokenLogprobs PromptLogprobs = new(
        Logprob: -1.5f, Rank: 31, TopIds: new[] { 32 }, TopLogprobs: new[] { -1.25f });

    public static IReadOnlyDictionary<string, StepEntry> Entries { get; } = new Dictionary<string, StepEntry>
    {
        ["everything"] = Nothing with
        {
            Token = 15,
            Logprobs = Logprobs,
            PromptLogprobs = [PromptLogprobs],
            End = new SequenceEnd(Reason: FinishReason.Failed, StopToken: 16, Message: "It broke: é."),
        },
        ["nothing"] = Nothing,
        ["token"] = Nothing with { Token = 15 },
        ["logprobs"] = Nothing with { Logprobs = Logprobs },
        ["prompt logprobs"] = Nothing with { PromptLogprobs = [null, PromptLogprobs, null] },
        ["end"] = Nothing with { End = new SequenceEnd(Reason: FinishReason.Length, StopToken: null, Message: null) },
    };
}
