using System.Collections.Concurrent;
using OrleansLLM.Sequences;
using static System.FormattableString;

namespace OrleansLLM.Engine;

/// <summary>
/// <see cref="IGenerator"/> over one engine in this process: the logs are here, the engine gets one attempt a request. Submitting, forking
/// and ending are messages to the engine's inbox; reading never reaches it.
/// </summary>
public sealed class EngineGenerator : IGenerator, IDisposable
{
    private static readonly Epoch Only = Epoch.First(0);

    private readonly IEngine _engine;
    private readonly SequenceLogs _logs;
    private readonly StepMailbox _mailbox;
    private readonly ConcurrentDictionary<RequestId, Task<SubmitResult>> _submissions = [];

    public EngineGenerator(IEngine engine, TimeProvider time, SequenceLogOptions? options = null)
    {
        _engine = engine;
        _logs = new SequenceLogs(options ?? new SequenceLogOptions(), time, abandoned => _ = AbortAsync(abandoned));
        _mailbox = new StepMailbox(Deliver);
    }

    public async ValueTask<SubmitResult> SubmitAsync(GenerationRequest request, CancellationToken cancellation)
    {
        var submission = new TaskCompletionSource<SubmitResult>(TaskCreationOptions.RunContinuationsAsynchronously);
        var running = _submissions.GetOrAdd(request.Id, submission.Task);
        if (running != submission.Task)
        {
            var joined = await running.WaitAsync(cancellation).ConfigureAwait(false);
            return joined is SubmitResult.Accepted accepted ? accepted with { IsKnown = true } : joined;
        }

        SubmitResult result = new SubmitResult.Refused(RefusalReason.Unavailable, "The submission was given up.");
        try
        {
            result = await SubmitOnceAsync(request, cancellation).ConfigureAwait(false);
        }
        finally
        {
            _submissions.TryRemove(request.Id, out _);
            submission.SetResult(result);
        }

        return result;
    }

    public ValueTask<KnownRequest?> FindAsync(RequestId request, CancellationToken cancellation) => new(_logs.FindRequest(request));

    public IAsyncEnumerable<TokenRange> ReadAsync(SequenceId sequence, int from, CancellationToken cancellation) =>
        _logs.ReadAsync(sequence, from, cancellation);

    public async ValueTask<SubmitResult> ForkAsync(SequenceId sequence, int at, int count, CancellationToken cancellation)
    {
        if (count is < 1 or > GenerationLimits.MaxSamples)
        {
            return Invalid(Invariant($"A fork makes 1 to {GenerationLimits.MaxSamples} answers, not {count}."));
        }

        if (_logs.Describe(sequence) is not { } parent)
        {
            throw new UnknownSequenceException(sequence);
        }

        var children = _logs.OpenForks(sequence, at, count, Only);
        if (children is null)
        {
            return Invalid(Invariant($"A fork of {sequence} can begin at 1 to {parent.Tokens}, not at {at}."));
        }

        var result = await _engine.ForkAsync(new AttemptId(sequence, Only), at, children, cancellation).ConfigureAwait(false);
        if (result is SubmitResult.Refused { Reason: RefusalReason.UnknownSequence })
        {
            var attempt = new Attempt(
                _logs.RequestOf(children[0])!, Only, [.. children.Select(child => _logs.JournalOf(child) ?? JournalSequence.Begin(child))]);
            result = await _engine.SubmitAsync(attempt, _mailbox, cancellation).ConfigureAwait(false);
        }

        return Settle(result, children);
    }

    public async ValueTask<int?> ChangeAsync(SequenceId sequence, SequenceChange change, CancellationToken cancellation)
    {
        var position = await _engine.ChangeAsync(new AttemptId(sequence, Only), change, cancellation).ConfigureAwait(false);
        if (position is { } from)
        {
            _logs.Note(sequence, new JournalChange(from, change));
        }

        return position;
    }

    public async ValueTask<bool> FinishAsync(SequenceId sequence, int at, FinishReason reason, CancellationToken cancellation)
    {
        if (!_logs.Finish(sequence, at, reason))
        {
            return false;
        }

        await _engine.AbortAsync(new AttemptId(sequence, Only), cancellation).ConfigureAwait(false);
        return true;
    }

    public async ValueTask CancelAsync(RequestId request, CancellationToken cancellation)
    {
        foreach (var sequence in _logs.Find(request) ?? [])
        {
            if (_logs.End(sequence, new SequenceEnd(FinishReason.Cancelled)))
            {
                await _engine.AbortAsync(new AttemptId(sequence, Only), cancellation).ConfigureAwait(false);
            }
        }
    }

    public async ValueTask<SequenceDescription?> DescribeAsync(SequenceId sequence, CancellationToken cancellation)
    {
        var logged = _logs.Describe(sequence);
        if (logged is null or { Phase: SequencePhase.Ended })
        {
            return logged;
        }

        var running = await _engine.DescribeAsync(new AttemptId(sequence, Only), cancellation).ConfigureAwait(false);
        return running ?? _logs.Describe(sequence);
    }

    public void Dispose() => _logs.Dispose();

    private async Task<SubmitResult> SubmitOnceAsync(GenerationRequest request, CancellationToken cancellation)
    {
        if (_logs.Find(request.Id) is { } known)
        {
            return new SubmitResult.Accepted(known) { IsKnown = true };
        }

        if (request.Samples is < 1 or > GenerationLimits.MaxSamples)
        {
            return Invalid(Invariant($"A request has 1 to {GenerationLimits.MaxSamples} samples, not {request.Samples}."));
        }

        var attempt = new Attempt(request, Only, Journal.Begin(request).Sequences);
        SequenceId[] ids = [.. attempt.Sequences.Select(sequence => sequence.Id)];
        if (_logs.Open(request, ids, Only) == OpenResult.Full)
        {
            return SequenceLogs.Full;
        }

        foreach (var id in ids)
        {
            _logs.Note(id, new FingerprintMark(request.PromptIds.Length, _engine.Facts.Fingerprint));
        }

        try
        {
            return Settle(await _engine.SubmitAsync(attempt, _mailbox, cancellation).ConfigureAwait(false), ids);
        }
        catch (OperationCanceledException)
        {
            // The message may have reached the engine before the caller gave up.
            _logs.Remove(ids);
            foreach (var id in ids)
            {
                _ = AbortAsync(id);
            }

            throw;
        }
    }

    private SubmitResult Settle(SubmitResult result, IReadOnlyList<SequenceId> ids)
    {
        if (result is SubmitResult.Refused)
        {
            _logs.Remove(ids);
            return result;
        }

        _logs.Hold(ids);
        return new SubmitResult.Accepted(ids);
    }

    private void Deliver(StepEntry entry)
    {
        try
        {
            if (_logs.Append(entry) != AppendResult.Gap)
            {
                return;
            }

            _logs.End(entry.Sequence, new SequenceEnd(FinishReason.Failed, Message: Invariant($"The tokens before position {entry.Position} were lost.")));
        }
#pragma warning disable CA1031 // this runs on the thread pool, where a bug would end the process: it ends the sequence
        catch (Exception exception)
#pragma warning restore CA1031
        {
            _logs.End(entry.Sequence, new SequenceEnd(FinishReason.Failed, Message: $"Its log is broken: {exception.Message}"));
        }

        _ = AbortAsync(entry.Sequence);
    }

    private async Task AbortAsync(SequenceId sequence) => await _engine.AbortAsync(new AttemptId(sequence, Only), CancellationToken.None).ConfigureAwait(false);

    private static SubmitResult.Refused Invalid(string message) => new(RefusalReason.Invalid, message);
}
