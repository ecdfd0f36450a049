namespace OrleansLLM.Abstractions.Tests;

/// <summary>The values whose bytes lie in Recorded/: every field by its name, and no two alike.</summary>
internal static class RecordedJournal
{
    public static SamplingParameters Sampling { get; } = new()
    {
        Temperature = 0.5f,
        TopP = 0.25f,
        TopK = 40,
        MinP = 0.125f,
        RepetitionPenalty = 1.5f,
        PresencePenalty = -1,
        FrequencyPenalty = -2,
        LogitBias = [KeyValuePair.Create(key: 21, value: -100f), KeyValuePair.Create(key: 22, value: 3.5f)],
        AllowedTokenIds = [31, 32, 33],
        BadWords = [[41], [42, 43]],
        Seed = ulong.MaxValue,
        Logprobs = 5,
        PromptLogprobs = 20,
    };

    public static GenerationRequest Request { get; } = new()
    {
        Id = new RequestId(Upper: 0x0123456789ABCDEF, Lower: 0xFEDCBA9876543210),
        Model = "modèle",
        PromptIds = new[] { 1, 70_000, int.MaxValue },
        Samples = 2,
        Sampling = Sampling,
        StopTokenIds = [51, 52],
        MaxTokens = 64,
        MinTokens = 3,
        Priority = -5,
        PromptIndex = 9,
        Tenant = "somebody",
        CacheSalt = "salt",
        Linger = TimeSpan.FromSeconds(7),
        Timeout = TimeSpan.FromMinutes(1),
        QueueTimeout = TimeSpan.FromSeconds(9),
        Envelope = new byte[] { 91, 92, 93 },
    };

    public static SequenceChange Change { get; } = new(MaxTokens: 81, Priority: 82, Sampling: Sampling);

    /// <summary>A sequence each for an end with everything, with nothing, and none.</summary>
    public static Journal Journal { get; } = new(
        Request: Request,
        Sequences:
        [
            new JournalSequence(
                Id: new SequenceId(Request: Request.Id, Index: 11),
                Output: new[] { 61, 62 },
                Changes: [new JournalChange(Position: 4, Change: Change), new JournalChange(Position: 5, Change: new SequenceChange())],
                End: new SequenceEnd(Reason: FinishReason.Failed, StopToken: 63, Message: "It broke.")),
            new JournalSequence(
                Id: new SequenceId(Request: Request.Id, Index: 12),
                Output: new[] { 71 },
                Changes: [new JournalChange(Position: 6, Change: new SequenceChange(Sampling: new SamplingParameters { Logprobs = 0 }))],
                End: new SequenceEnd(Reason: FinishReason.Length, StopToken: null, Message: null)),
            new JournalSequence(Id: new SequenceId(Request: Request.Id, Index: 14), Output: default, Changes: [], End: null),
        ]);

    /// <summary>Of the first prompt, whose index is not written.</summary>
    public static Journal FirstJournal { get; } = Journal with { Request = Request with { PromptIndex = 0 } };

    /// <summary>As version 2 has it.</summary>
    public static Journal WithoutEnvelope { get; } = Journal with { Request = Request with { Envelope = default } };

    /// <summary>As version 1 has it.</summary>
    public static Journal WithoutIndex { get; } = Journal with { Request = Request with { PromptIndex = 0, Envelope = default } };

    /// <summary>The same request without what is optional.</summary>
    public static Journal BareJournal { get; } = new(
        Request: Request with
        {
            PromptIndex = 0,
            Envelope = default,
            Timeout = null,
            QueueTimeout = null,
            Sampling = Sampling with { Logprobs = null, PromptLogprobs = null },
        },
        Sequences: []);
}
