namespace OrleansLLM.Cluster;

/// <summary>
/// The worker that a request's sequences run on: all of them on the same one, which has their prefix cached. Promises: a call that fails ends
/// nothing, the worker may only be slow; an end is told again until the worker has heard it; what runs on a worker that has left the cluster,
/// lost its engine or was silent for <see cref="Silence"/> ends with a message that says so. Used by one grain, in its turns.
/// </summary>
internal sealed class AssignedWorker(IGrainFactory grains, ISiloStatusOracle silos, SequenceJournal journal, TimeProvider time)
{
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(30);

    private readonly HashSet<SequenceId> _unheardEnds = [];
    private WorkerId? _id;
    private long _heard;

    /// <summary>The worker computes, or may still compute, something of this request.</summary>
    public bool IsNeeded => _unheardEnds.Count > 0 || journal.Running.Length > 0;

    /// <summary>Submits these sequences, all or none, to the worker that there is or to one that the model's router chooses.</summary>
    public async Task<SubmitReply> Attempt(IReadOnlyList<SequenceId> sequences, JournalMessage message)
    {
        var route = _id is null ? await Choose(journal.RequestOf(sequences[0])) : new RouteReply(_id);
        var unanswered = SubmitReply.Refuse(route);
        var reply = await Ask(worker => worker.Submit(journal.Attempt(message)), whenGone: unanswered);
        if (reply == unanswered && _id is not null)
        {
            _unheardEnds.UnionWith(sequences);
        }

        return journal.Settle(reply, sequences);
    }

    /// <summary>Asks the worker, or gives <paramref name="whenGone"/> where there is none or it does not answer.</summary>
    public Task<T> Ask<T>(Func<IGpuWorkerGrain, Task<T>> ask, T whenGone) =>
        Call(key => ask(grains.GetGrain<IGpuWorkerGrain>(key)), whenGone);

    /// <summary>The same for the worker's block pool.</summary>
    public Task<T> AskBlocks<T>(Func<IBlockManagerGrain, Task<T>> ask, T whenGone) =>
        Call(key => ask(grains.GetGrain<IBlockManagerGrain>(key)), whenGone);

    /// <summary>Ends the computation of sequences whose logs have ended, now or as soon as the worker hears of it.</summary>
    public async Task Abort(params IEnumerable<SequenceId> sequences)
    {
        _unheardEnds.UnionWith(sequences);
        SequenceId[] ends = [.. _unheardEnds];
        if (ends.Length > 0 && await Ask(worker => worker.Abort(ends), whenGone: _id is null))
        {
            _unheardEnds.ExceptWith(ends);
        }
    }

    /// <summary>To be called every few seconds: tells what was not heard yet, and finds out whether the worker is still there.</summary>
    public async Task Watch()
    {
        await Abort();
        if (_id is null || journal.Running.Length == 0)
        {
            return;
        }

        var (asked, silent) = (time.GetTimestamp(), new WorkerAnswer(null));
        var answer = await Ask(async worker => new WorkerAnswer(await worker.GetReport()), silent);
        if (answer.Report is not null)
        {
            _heard = asked;
        }
        else if (answer != silent)
        {
            Lose("it has no engine any more.");
        }
        else if (_id is not null && time.GetElapsedTime(_heard) > Silence)
        {
            Lose(FormattableString.Invariant($"it has not answered for {Silence.TotalSeconds:0} s."));
        }
    }

    private async Task<RouteReply> Choose(GenerationRequest request)
    {
        try
        {
            var route = await grains.GetGrain<IRouterGrain>(request.Model).Choose(RouteQuery.For(request));
            (_id, _heard) = (route.Worker, time.GetTimestamp());
            return route;
        }
        catch (Exception exception)
        {
            return new RouteReply(null, RefusalReason.Unavailable, $"The router of model '{request.Model}' can't be reached, try again: {exception.Message}");
        }
    }

    private async Task<T> Call<T>(Func<string, Task<T>> call, T whenGone)
    {
        if (_id is not { } worker)
        {
            return whenGone;
        }

        try
        {
            return await call(worker.ToString());
        }
        catch (Exception exception)
        {
            if (!silos.GetActiveSilos().Any(silo => silos.TryGetSiloName(silo, out var name) && name == worker.Silo))
            {
                Lose(exception.Message);
            }

            return whenGone;
        }
    }

    private void Lose(string why)
    {
        journal.EndRunning(new SequenceEnd(FinishReason.Failed, Message: $"Worker {_id} can't be reached: {why}"));
        _unheardEnds.Clear();
        _id = null;
    }

    private sealed class WorkerAnswer(WorkerReport? report)
    {
        public WorkerReport? Report { get; } = report;
    }
}
