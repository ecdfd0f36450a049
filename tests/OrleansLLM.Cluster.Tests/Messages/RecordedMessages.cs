using OrleansLLM.Sequences;

namespace OrleansLLM.Cluster.Tests;

/// <summary>
/// The messages whose bytes lie in Recorded/, a list for each type: the first with every field set, further ones without what is optional.
/// Fields are given by their names; a surrogate's are given by the value that it stands for.
/// </summary>
internal static class RecordedMessages
{
    private static readonly SequenceId Sequence = new(
        Request: new RequestId(Upper: 0x0123456789ABCDEF, Lower: 0xFEDCBA9876543210), Index: 11);

    private static readonly SequenceId Sibling = new(
        Request: new RequestId(Upper: 0x1122334455667788, Lower: 0x8877665544332211), Index: 12);

    private static readonly WorkerId Worker = new(Silo: "silo-é", Device: 13);

    private static readonly JournalMessage Journal = new(bytes: [1, 2, 3]);

    private static readonly ServedModelMessage Model = new(
        Name: "model", MaxLength: 31, VocabularySize: 32, Fingerprint: "fingerprint", Device: "device", CacheTokens: 33);

    private static readonly LoadMessage Load = new(
        Running: 41, Waiting: 42, Preempted: 43, TotalBlocks: 44, UsedBlocks: 45, CachedBlocks: 46, Step: 1L << 40);

    private static readonly AttemptId Attempt = new(Sequence: Sequence, Epoch: new Epoch(1L << 41));

    private static readonly GatewayMessage Gateway = new(Name: "gateway", Address: "127.0.0.1:67@68");

    private static readonly NotedChangeMessage Change = new(Position: 86, Change: [9, 10]);

    private static readonly FingerprintMessage Mark = new(
        Sequence: new SequenceId(Request: new RequestId(Upper: 0x33445566778899AA, Lower: 0xAA99887766554433), Index: 15), Position: 87, Fingerprint: "mark");

    private static readonly AttemptId Other = new(
        Sequence: new SequenceId(Request: new RequestId(Upper: 0x2233445566778899, Lower: 0x9988776655443322), Index: 14), Epoch: new Epoch(1L << 43));

    private static readonly WorkerReport Report = new(
        Worker: Worker,
        Incarnation: long.MaxValue,
        Model: Model,
        Phase: WorkerPhase.Draining,
        Load: Load,
        Progress: 61,
        Number: 62,
        Failure: "It is stuck.",
        Silo: "127.0.0.1:63@64");

    private static readonly EndReply End = new(Reason: FinishReason.Failed, StopToken: 51, Message: "It broke.");

    public static IReadOnlyDictionary<Type, object[]> OfType { get; } = new Dictionary<Type, object[]>
    {
        [typeof(SequenceIdSurrogate)] = [Sequence],
        [typeof(WorkerIdSurrogate)] = [Worker],
        [typeof(JournalMessage)] = [Journal],
        [typeof(AttemptMessage)] =
        [
            new AttemptMessage(Journal: Journal, Gateway: Gateway, Epoch: 21, Incarnation: 23, Published: [5, 6], Fingerprints: [Mark]),
            new AttemptMessage(Journal: Journal, Gateway: Gateway, Epoch: 21, Incarnation: 23, Published: [5, 6], Fingerprints: null),
        ],
        [typeof(FingerprintMessage)] = [Mark],
        [typeof(ForkMessage)] = [new ForkMessage(At: 22, Children: [Sibling], Parent: Attempt)],
        [typeof(ChangeMessage)] = [new ChangeMessage(Sequence: Sequence, Change: [1, 2, 3])],
        [typeof(AttemptChangeMessage)] = [new AttemptChangeMessage(Attempt: Attempt, Change: [1, 2, 3])],
        [typeof(AttemptIdSurrogate)] = [Attempt],
        [typeof(AttemptEndMessage)] =
        [
            new AttemptEndMessage(Attempt: Attempt, End: End, EndMark: 81),
            new AttemptEndMessage(Attempt: Attempt, End: null, EndMark: null),
        ],
        [typeof(GatewayMessage)] = [Gateway],
        [typeof(CountReply)] = [new CountReply(Sequences: 92, Copied: 93)],
        [typeof(KnownReply)] = [new KnownReply(Journal: Journal, Sequences: [Sequence])],
        [typeof(RangeReply)] =
        [
            new RangeReply(Start: 91, Ids: [11, 12], Logprobs: [13, 14], End: End, ReadBefore: 94, IsEndRead: true, Fingerprint: "engine"),
            new RangeReply(Start: 91, Ids: [], Logprobs: [], End: null, ReadBefore: 94, IsEndRead: true),
        ],
        [typeof(NotedChangeMessage)] = [Change],
        [typeof(RedirectMessage)] = [new RedirectMessage(Attempt: Attempt, Gateway: Gateway, Next: 82)],
        [typeof(CopyMessage)] =
        [
            new CopyMessage(
                Attempt: Attempt, Journal: Journal, PromptLength: 83, Entries: [7, 8], Changes: [Change], End: End, EndMark: 84, Age: TimeSpan.FromSeconds(85),
                Fingerprints: [Mark]),
            new CopyMessage(Attempt: Attempt, Journal: Journal, PromptLength: 83, Entries: [], Changes: [], End: null, EndMark: null, Age: TimeSpan.Zero),
        ],
        [typeof(LossMessage)] =
        [
            new LossMessage(Incarnation: 24, Cause: LossCause.Drains, End: End, Attempts: [Attempt]),
            new LossMessage(Incarnation: 24, Cause: LossCause.Hung, End: End, Attempts: null),
        ],
        [typeof(ReportMessage)] = [new ReportMessage(Worker: Report, Running: [Attempt], Waiting: [Other])],
        [typeof(SubmitReply)] =
        [
            new SubmitReply(
                Sequences: [Sequence, Sibling], Reason: RefusalReason.QueueFull, Message: "Full.", RetryAfter: TimeSpan.FromSeconds(3), IsKnown: true),
            new SubmitReply(Sequences: [], Reason: null, Message: "", RetryAfter: null),
        ],
        [typeof(RouteQuery)] = [new RouteQuery(Prefix: [1, 2, 3], Excluded: [25, 26], Fingerprint: "fingerprint")],
        [typeof(RouteReply)] =
        [
            new RouteReply(Worker: Worker, Reason: RefusalReason.UnknownModel, Message: "Unknown.", Incarnation: 27, Fingerprint: "fingerprint"),
            new RouteReply(Worker: null, Reason: RefusalReason.Invalid, Message: ""),
        ],
        [typeof(PrefixQuery)] = [new PrefixQuery(PromptIds: [1, 2, 3], PrefixOwner: "salt")],
        [typeof(StepMessage)] = [new StepMessage(Worker: Worker, Entries: new byte[] { 1, 2, 3 }, Gateway: "127.0.0.1:65@66")],
        [typeof(WorkerReport)] =
        [
            Report,
            new WorkerReport(
                Worker: Worker, Incarnation: 1, Model: Model, Phase: WorkerPhase.Ready, Load: Load, Progress: 61, Number: 62, Failure: null, Silo: null),
        ],
        [typeof(ServedModelMessage)] = [Model],
        [typeof(LoadMessage)] = [Load],
        [typeof(DescriptionReply)] =
        [
            new DescriptionReply(Sequence: Sequence, Phase: SequencePhase.Ended, PromptTokens: 71, Tokens: 72, CachedTokens: 73, End: End),
            new DescriptionReply(Sequence: Sequence, Phase: SequencePhase.Waiting, PromptTokens: 71, Tokens: 72, CachedTokens: 73, End: null),
        ],
        [typeof(EndReply)] = [End, new EndReply(Reason: FinishReason.Stop, StopToken: null, Message: null)],
    };
}
