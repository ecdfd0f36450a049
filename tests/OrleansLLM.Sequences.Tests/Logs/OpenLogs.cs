using Microsoft.Extensions.Time.Testing;

namespace OrleansLLM.Sequences.Tests.Logs;

/// <summary>Logs on a clock of the test's, with one of three prompt tokens opened at epoch 2.</summary>
public abstract class OpenLogs : IDisposable
{
    protected const int MostBytes = 1 << 20;

    protected OpenLogs()
    {
        Timers = new CountedTimers(Time);
        Logs = new SequenceLogs(new SequenceLogOptions { Retention = TimeSpan.FromMinutes(1), MaxRetainedBytes = MostBytes }, Timers, Abandoned.Add);
        Id = Open(Request([1, 2, 3]));
    }

    protected FakeTimeProvider Time { get; } = new();

    protected CountedTimers Timers { get; }

    protected List<SequenceId> Abandoned { get; } = [];

    protected SequenceLogs Logs { get; }

    protected SequenceId Id { get; }

    protected static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        Logs.Dispose();
        GC.SuppressFinalize(this);
    }

    protected static GenerationRequest Request(int[] prompt, TimeSpan linger = default) =>
        new() { Id = RequestId.Create(), Model = "fake", PromptIds = prompt, MaxTokens = 10, Linger = linger };

    protected SequenceId Open(GenerationRequest request)
    {
        var id = new SequenceId(request.Id, 0);
        Assert.Equal(OpenResult.Opened, Logs.Open(request, [id], new Epoch(2)));
        Logs.Hold([id]);
        return id;
    }

    protected AppendResult Append(int position, int token, int epoch = 2, SequenceEnd? end = null) =>
        Append(Id, position, token, epoch, end);

    protected AppendResult Append(SequenceId id, int position, int token, int epoch = 2, SequenceEnd? end = null) =>
        Logs.Append(new StepEntry(id, new Epoch(epoch), position, token, null, null, 0, end));

    protected IAsyncEnumerator<TokenRange> Read(SequenceId id, int from) => ReadUntil(id, from, Cancellation);

    protected IAsyncEnumerator<TokenRange> ReadUntil(SequenceId id, int from, CancellationToken cancellation) =>
        Logs.ReadAsync(id, from, cancellation).GetAsyncEnumerator(CancellationToken.None);
}
