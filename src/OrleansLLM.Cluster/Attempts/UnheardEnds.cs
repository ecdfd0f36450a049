namespace OrleansLLM.Cluster;

/// <summary>
/// Ends that workers are told: again and again until they have heard, or their silo has left the cluster. May be called from any thread.
/// </summary>
internal sealed class UnheardEnds(SiloContext silo)
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly Dictionary<WorkerId, HashSet<AttemptEndMessage>> _unheard = [];
    private Task _telling = Task.CompletedTask;

    /// <summary>Tells it once; what was not heard is told again later.</summary>
    public async Task TellAsync(WorkerId worker, AttemptEndMessage[] attempts)
    {
        if (attempts.Length == 0 || await TryTellAsync(worker, attempts).ConfigureAwait(false))
        {
            return;
        }

        lock (_lock)
        {
            if (!_unheard.TryGetValue(worker, out var unheard))
            {
                _unheard.Add(worker, unheard = []);
            }

            unheard.UnionWith(attempts);
            _telling = _telling.IsCompleted ? Task.Run(TellAgainAsync) : _telling;
        }
    }

    private async Task TellAgainAsync()
    {
        while (true)
        {
            await Task.Delay(Pause, silo.Time).ConfigureAwait(false);
            List<(WorkerId Worker, AttemptEndMessage[] Attempts)> left;
            lock (_lock)
            {
                left = [.. _unheard.Select(unheard => (unheard.Key, unheard.Value.ToArray()))];
            }

            foreach (var (worker, attempts) in left)
            {
                if (!silo.IsMember(worker.Silo) || await TryTellAsync(worker, attempts).ConfigureAwait(false))
                {
                    Forget(worker, attempts);
                }
            }

            lock (_lock)
            {
                if (_unheard.Count == 0)
                {
                    // Under the lock that begins the next round, so none is left without one.
                    _telling = Task.CompletedTask;
                    return;
                }
            }
        }
    }

    private void Forget(WorkerId worker, AttemptEndMessage[] attempts)
    {
        lock (_lock)
        {
            _unheard[worker].ExceptWith(attempts);
            if (_unheard[worker].Count == 0)
            {
                _unheard.Remove(worker);
            }
        }
    }

    private async Task<bool> TryTellAsync(WorkerId worker, AttemptEndMessage[] attempts)
    {
        if (!silo.IsAlone)
        {
            await silo.Pulse.WaitAsync(silo.Stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        return await GrainCalls.TryAsync(() => silo.WorkerOf(worker).Abort(attempts, silo.AsGateway)).ConfigureAwait(false);
    }
}
