namespace OrleansLLM.Cluster;

/// <summary>
/// The worker that a request's sequences run on: all of them on the same one, which has their prefix cached. A call that fails means that
/// the worker is gone: what runs ends with a message that says so, instead of waiting for tokens that will not come.
/// Used by one grain, in its turns.
/// </summary>
internal sealed class AssignedWorker(IGrainFactory grains, SequenceJournal journal)
{
    private WorkerId? _id;

    /// <summary>Submits these sequences, all or none, to the worker that there is or to one that the model's router chooses.</summary>
    public async Task<SubmitReply> Attempt(IReadOnlyList<SequenceId> sequences, JournalMessage message)
    {
        var route = _id is null ? await Choose(journal.RequestOf(sequences[0])) : new RouteReply(_id);
        var reply = await Ask(worker => worker.Submit(journal.Attempt(message)), whenGone: SubmitReply.Refuse(route));
        return journal.Settle(reply, sequences);
    }

    /// <summary>Asks the worker, or gives <paramref name="whenGone"/> where there is none or it can't be reached.</summary>
    public Task<T> Ask<T>(Func<IGpuWorkerGrain, Task<T>> ask, T whenGone) =>
        Call(key => ask(grains.GetGrain<IGpuWorkerGrain>(key)), whenGone);

    /// <summary>The same for the worker's block pool.</summary>
    public Task<T> AskBlocks<T>(Func<IBlockManagerGrain, Task<T>> ask, T whenGone) =>
        Call(key => ask(grains.GetGrain<IBlockManagerGrain>(key)), whenGone);

    private async Task<RouteReply> Choose(GenerationRequest request)
    {
        var route = await grains.GetGrain<IRouterGrain>(request.Model).Choose(RouteQuery.For(request));
        _id = route.Worker;
        return route;
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
            _id = null;
            journal.EndRunning(new SequenceEnd(FinishReason.Failed, Message: $"Worker {worker} can't be reached: {exception.Message}"));
            return whenGone;
        }
    }
}
