using System.Buffers;
using OrleansLLM.Sequences;

namespace OrleansLLM.Cluster;

/// <summary>
/// The attempts at one request's sequences, and the one path for every loss of a worker: raise the epoch, choose another one, submit the journal, end
/// the old attempt. Promises: the epoch is raised before the journal is written, so nothing is published behind what the next attempt begins with; a call
/// that fails ends nothing, the worker may only be slow; a refusal that another worker can mend goes to another, one that none can ends the sequence;
/// where no worker fits a running sequence waits, within its time. Used by one grain, in its turns, which interleave where they wait.
/// </summary>
internal sealed class RequestAttempts(GatewayContext gateway)
{
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(20);

    private readonly HashSet<SequenceId> _moving = [];
    private readonly Deaths _deaths = new();
    private readonly TimeLimits _limits = new(gateway.Silo.Time);
    private Epoch _last;
    private Epoch _lastDeath;

    /// <summary>Submits new sequences, all or none, to the worker that the model's router chooses, or the next where one refuses what another may take.</summary>
    /// <param name="message">What the caller submitted; null for sequences whose journal is in the logs.</param>
    /// <param name="chosen">The worker, where the caller has asked for one; one in this silo is not taken.</param>
    public async Task<SubmitReply> Begin(SequenceId[] ids, JournalMessage? message, RouteReply? chosen = null)
    {
        _limits.Begin(ids);
        _moving.UnionWith(ids);
        var excluded = new List<long>();
        SubmitReply? refusal = null;
        var cause = AttemptCause.First;
        while (true)
        {
            var route = chosen?.Worker is { } worker && worker.Silo != gateway.Silo.Name ? chosen : await Choose(ids[0], excluded, "");
            chosen = null;
            if (route.Worker is null)
            {
                return Settle(refusal ?? SubmitReply.Refuse(route), ids);
            }

            var reply = await Attempt(ids, route, cause, message);
            (message, cause) = (null, AttemptCause.Refused);
            if (!IsMendable(reply))
            {
                return Settle(reply, ids);
            }

            if (await HasDied(route, reply))
            {
                return Settle(new SubmitReply(ids), ids);
            }

            refusal = reply.Reason == RefusalReason.QueueFull ? reply : refusal ?? reply;
            excluded.Add(route.Incarnation);
        }
    }

    /// <summary>New sequences that begin with another one's tokens before a position.</summary>
    public async Task<SubmitReply> Fork(SequenceId sequence, int at, int count)
    {
        if (gateway.Logs.Describe(sequence) is not { } known)
        {
            return SubmitReply.Refuse(RefusalReason.UnknownSequence, "");
        }

        var parent = gateway.Assignments.Find(sequence);
        return gateway.Logs.OpenForks(sequence, at, count, parent?.Attempt.Epoch ?? default) is not { } children
            ? SubmitReply.Refuse(RefusalReason.Invalid, FormattableString.Invariant($"A fork of {sequence} can begin at 1 to {known.Tokens}, not at {at}."))
            : await (parent is null ? Begin([.. children], message: null) : Fork([.. children], at, parent));
    }

    /// <summary>Gives new sequences to the attempt that they were forked from.</summary>
    private async Task<SubmitReply> Fork(SequenceId[] ids, int at, Assignment parent)
    {
        _limits.Begin(ids);
        Assign(ids, parent);
        var unknown = SubmitReply.Refuse(RefusalReason.UnknownSequence, "");
        var fork = new ForkMessage(at, ids, parent.Attempt);
        var reply = await GrainCalls.TryAsync(() => gateway.Silo.Grains.GetGrain<IBlockManagerGrain>(parent.Worker.ToString()).Fork(fork), unknown);
        if (reply.Reason == RefusalReason.UnknownSequence)
        {
            return await Begin(ids, message: null);
        }

        gateway.Metrics.OnAttempt(RequestOf(ids[0]).Model, parent.Worker, AttemptCause.First, ids.Length);
        Array.ForEach(ids, id => gateway.Assignments.Accept(parent.Attempt with { Sequence = id }));
        return Settle(reply, ids);
    }

    /// <summary>The position that a change holds from; null where nobody computes the sequence.</summary>
    public async Task<int?> Change(ChangeMessage message)
    {
        // Who lost the sequence while it answered says nothing of the position that the next one goes on from.
        while (gateway.Assignments.Find(message.Sequence) is { } assigned)
        {
            var change = new AttemptChangeMessage(assigned.Attempt, message.Change);
            var position = await GrainCalls.TryAsync(() => gateway.Silo.WorkerOf(assigned.Worker).Change(change), null);
            if (gateway.Assignments.Find(message.Sequence) is { } now && now.Attempt != assigned.Attempt)
            {
                continue;
            }

            if (position is { } from)
            {
                gateway.Logs.Note(message.Sequence, new JournalChange(from, JournalFormat.ReadChange(message.Change)));
            }

            return position;
        }

        return null;
    }

    /// <summary>A running sequence as its worker sees it; null where none answers.</summary>
    public async Task<DescriptionReply?> Describe(SequenceId sequence) => gateway.IsRunning(sequence) && gateway.Assignments.Find(sequence) is { } assigned
        ? await GrainCalls.TryAsync(() => gateway.Silo.WorkerOf(assigned.Worker).Describe(assigned.Attempt), null)
        : null;

    /// <summary>A worker computes something no longer: another one goes on.</summary>
    public async Task Lose(IReadOnlyList<SequenceId> known, LossMessage loss)
    {
        SequenceId[] ids = [.. known.Where(id => !_moving.Contains(id) && gateway.Assignments.Find(id) is { } assigned
            && assigned.Incarnation == loss.Incarnation && (loss.Attempts is null || loss.Attempts.Contains(assigned.Attempt)))];
        Array.ForEach(Array.FindAll(ids, id => !gateway.IsRunning(id)), gateway.Assignments.Remove);
        ids = Array.FindAll(ids, gateway.IsRunning);
        var published = known.Sum(id => gateway.Logs.Describe(id)?.Tokens ?? 0);
        if (IsDeath(ids, loss.Cause) && IsPoison(ids, published))
        {
            return;
        }

        // One that was forked inside the prompt has a shorter one, and so a journal of its own.
        await Task.WhenAll(ids.GroupBy(id => RequestOf(id).PromptIds.Length).Select(group => Move([.. group], loss, published)));
    }

    /// <summary>Takes over what another gateway began.</summary>
    public void Adopt(SequenceId[] ids, Epoch last, TimeSpan age)
    {
        _last = last;
        _limits.Begin(ids, age);
    }

    /// <summary>Ends the computation of sequences whose logs have ended.</summary>
    public async Task Abort(IEnumerable<SequenceId> sequences)
    {
        var computed = sequences.Select(gateway.Assignments.Find).OfType<Assignment>().ToList();
        computed.ForEach(assigned => gateway.Assignments.Remove(assigned.Attempt.Sequence));
        await Tell(computed);
    }

    /// <summary>What only waited can't have stopped its worker; what was computed with something that did shares its death.</summary>
    private bool IsDeath(SequenceId[] ids, LossCause cause)
    {
        var newest = ids.Where(id => !gateway.Assignments.IsKnownToWait(id)).Select(id => gateway.Assignments.Find(id)!.Attempt.Epoch).DefaultIfEmpty().Max();
        var isDeath = cause is LossCause.Died or LossCause.Hung or LossCause.Failed && newest > _lastDeath && !gateway.Silo.IsAlone;
        _lastDeath = isDeath ? newest : _lastDeath;
        return isDeath;
    }

    /// <summary>
    /// Whether the worker died or hung while it was called, so that the attempt was perhaps begun. A call that fails says nothing by itself: it is waited for the worker's
    /// next report, or for the end of the patience with it.
    /// </summary>
    private async Task<bool> HasDied(RouteReply route, SubmitReply reply)
    {
        var isUnanswered = reply == SubmitReply.Refuse(route);
        var began = gateway.Silo.Time.GetTimestamp();
        while (isUnanswered && !gateway.Silo.IsAlone && !gateway.Watch.HasDied(route.Incarnation) && !gateway.Silo.Stopping.IsCancellationRequested
            && gateway.Silo.Time.GetElapsedTime(began) is var waited && waited < FleetWatch.LostAfter
            && waited - gateway.Watch.AgeOf(route.Worker!.Value) < LookAgain)
        {
            await Task.WhenAny(Task.Delay(Glance, gateway.Silo.Time, gateway.Silo.Stopping));
        }

        return (isUnanswered || reply.Reason is null) && gateway.Watch.HasDied(route.Incarnation);
    }

    /// <summary>Counts a death; true where they have ended with it.</summary>
    private bool IsPoison(SequenceId[] ids, int published)
    {
        if (_deaths.Add(published) is not { } end)
        {
            return false;
        }

        gateway.Metrics.OnPoison(RequestOf(ids[0]).Model, gateway.Assignments.Find(ids[0])?.Worker ?? default);
        End(ids, end);
        return true;
    }

    private async Task Move(SequenceId[] ids, LossMessage loss, int published)
    {
        _moving.UnionWith(ids);
        try
        {
            await FindPlace(ids, loss, published);
        }
        finally
        {
            // Whatever it failed with: who is told of the loss again tries again.
            _moving.ExceptWith(ids);
        }
    }

    private async Task FindPlace(SequenceId[] ids, LossMessage loss, int published)
    {
        var fingerprint = gateway.Assignments.Find(ids[0])?.Fingerprint ?? "";
        var excluded = ExcludedBy(loss);
        var cause = AttemptCauses.Of(loss.Cause);
        while (!gateway.Silo.Stopping.IsCancellationRequested && Array.FindAll(ids, gateway.IsRunning) is { Length: > 0 } left)
        {
            var change = gateway.Watch.NextChange;
            var route = await Choose(left[0], excluded, fingerprint);
            if (route.Worker is { } worker)
            {
                if (await HasSeat(worker, left[0], published))
                {
                    if (await TryMove(left, route, cause, published))
                    {
                        break;
                    }

                    cause = gateway.Watch.HasDied(route.Incarnation) ? AttemptCause.Died : AttemptCause.Refused;
                }

                excluded.Add(route.Incarnation);
                continue;
            }

            if (gateway.Silo.IsAlone)
            {
                End(left, loss.End.ToEnd());
                break;
            }

            End(Array.FindAll(left, id => _limits.IsOver(id, RequestOf(id))), TimeLimits.Over);
            excluded = ExcludedBy(loss);
            await Task.WhenAny(change, Task.Delay(LookAgain, gateway.Silo.Time, gateway.Silo.Stopping));
        }
    }

    /// <summary>False where another worker has to be tried.</summary>
    private async Task<bool> TryMove(SequenceId[] ids, RouteReply route, AttemptCause cause, int published)
    {
        var reply = await Attempt(ids, route, cause, message: null);
        if (await HasDied(route, reply))
        {
            _lastDeath = _last;
            return IsPoison(ids, published);
        }

        if (reply.Reason is null)
        {
            return !gateway.Watch.IsLost(route.Incarnation);
        }

        if (IsMendable(reply))
        {
            return false;
        }

        End(ids, new SequenceEnd(FinishReason.Failed, Message: reply.Message));
        return true;
    }

    private async Task<SubmitReply> Attempt(SequenceId[] ids, RouteReply route, AttemptCause cause, JournalMessage? message)
    {
        var old = ids.Select(gateway.Assignments.Find).OfType<Assignment>().Where(assigned => assigned.Incarnation != route.Incarnation).ToList();
        var epoch = _last = ids.Select(gateway.Logs.EpochOf).Append(_last).Max().Next(gateway.Silo.Drawer);
        Array.ForEach(ids, id => Raise(id, epoch, route.Fingerprint));
        var assignment = new Assignment(new AttemptId(ids[0], epoch), route.Worker!.Value, route.Incarnation, route.Fingerprint);
        Assign(ids, assignment);
        gateway.Metrics.OnAttempt(RequestOf(ids[0]).Model, assignment.Worker, cause, ids.Length);
        Tell(old).Ignore();

        var unanswered = SubmitReply.Refuse(route);
        var attempt = new AttemptMessage(message ?? Write(ids), gateway.Silo.AsGateway, epoch.Value, route.Incarnation, message is null ? Publish(ids, epoch) : [], FingerprintsOf(ids));
        var reply = await GrainCalls.TryAsync(() => gateway.Silo.WorkerOf(assignment.Worker).Submit(attempt), unanswered);
        if (reply.Reason is null)
        {
            Array.ForEach(ids, id => gateway.Assignments.Accept(new AttemptId(id, epoch)));
        }

        // Whoever gave no answer may compute all the same, and what has ended meanwhile was told to the attempt before.
        if (reply.Reason is null || reply == unanswered)
        {
            AttemptEndMessage[] ended = [.. ids.Where(id => reply == unanswered || !gateway.IsRunning(id)).Select(id => EndOf(new AttemptId(id, epoch)))];
            gateway.Ends.TellAsync(assignment.Worker, ended).Ignore();
        }

        return reply;
    }

    /// <summary>What follows is the next attempt's, on an engine of that fingerprint.</summary>
    private void Raise(SequenceId id, Epoch epoch, string fingerprint)
    {
        gateway.Logs.RaiseEpoch(id, epoch);
        if (gateway.Logs.Describe(id) is { } known)
        {
            gateway.Logs.Note(id, new FingerprintMark(known.Tokens, fingerprint));
        }
    }

    private FingerprintMessage[]? FingerprintsOf(SequenceId[] ids)
    {
        FingerprintMessage[] marks = [.. ids.SelectMany(id => gateway.Logs.FingerprintsOf(id).Select(mark => FingerprintMessage.From(id, mark)))];
        return marks.Length > ids.Length ? marks : null;
    }

    private Task<RouteReply> Choose(SequenceId id, List<long> excluded, string fingerprint) => gateway.Routes.ChooseAsync(RequestOf(id), excluded, fingerprint);

    /// <summary>A request under which a worker was lost runs alone among such ones until its next token.</summary>
    private async Task<bool> HasSeat(WorkerId worker, SequenceId id, int published) =>
        !_deaths.IsSuspect(published) || await GrainCalls.TryAsync(() => gateway.Silo.WorkerOf(worker).TakeSeat(id), false);

    /// <summary>All that a worker needs to go on with these sequences.</summary>
    private JournalMessage Write(SequenceId[] ids)
    {
        JournalSequence[] sequences = [.. ids.Select(id => gateway.Logs.JournalOf(id) ?? JournalSequence.Begin(id))];
        var request = _limits.Rest(ids[0], RequestOf(ids[0]), hasTokens: Array.Exists(sequences, sequence => sequence.Output.Length > 0));
        return JournalMessage.From(new Journal(request, sequences));
    }

    private byte[] Publish(SequenceId[] ids, Epoch epoch)
    {
        var bytes = new ArrayBufferWriter<byte>();
        foreach (var entry in ids.SelectMany(id => gateway.Logs.EntriesOf(id, epoch)))
        {
            StepFormat.Append(bytes, entry);
        }

        return bytes.WrittenSpan.ToArray();
    }

    /// <summary>The sequences' time without a reader begins, or they are forgotten if they were refused.</summary>
    private SubmitReply Settle(SubmitReply reply, SequenceId[] ids)
    {
        _moving.ExceptWith(ids);
        if (reply.Reason is not null)
        {
            Array.ForEach(ids, gateway.Assignments.Remove);
            gateway.Logs.Remove(ids);
            return reply;
        }

        gateway.Logs.Hold(ids);
        if (gateway.Assignments.Find(ids[0]) is { } assigned && gateway.Watch.IsLost(assigned.Incarnation))
        {
            var end = new EndReply(FinishReason.Failed, null, $"Worker {assigned.Worker} was lost.");
            Lose(ids, new LossMessage(assigned.Incarnation, LossCause.Died, end)).Ignore();
        }

        return reply;
    }

    private void End(SequenceId[] ids, SequenceEnd end)
    {
        Array.ForEach(ids, id => gateway.Logs.End(id, end));
        Abort(ids).Ignore();
    }

    private void Assign(SequenceId[] ids, Assignment like) => Array.ForEach(
        ids, id => gateway.Assignments.Assign(like with { Attempt = like.Attempt with { Sequence = id } }));

    private Task Tell(IEnumerable<Assignment> ended) => Task.WhenAll(ended.GroupBy(assigned => assigned.Worker)
        .Select(ofOne => gateway.Ends.TellAsync(ofOne.Key, [.. ofOne.Select(assigned => EndOf(assigned.Attempt))])));

    /// <summary>With what the log has ended with, if it has.</summary>
    private AttemptEndMessage EndOf(AttemptId attempt) => gateway.Logs.Describe(attempt.Sequence) is { End: { } end } ended
        ? new AttemptEndMessage(attempt, EndReply.From(end), ended.Tokens)
        : new AttemptEndMessage(attempt, null, null);

    private GenerationRequest RequestOf(SequenceId id) => gateway.Logs.RequestOf(id) ?? throw new UnknownSequenceException(id);

    private static List<long> ExcludedBy(LossMessage loss) => loss.Cause is LossCause.Forgot or LossCause.Together ? [] : [loss.Incarnation];

    private static bool IsMendable(SubmitReply reply) => reply.Reason is RefusalReason.Unavailable or RefusalReason.QueueFull;
}
