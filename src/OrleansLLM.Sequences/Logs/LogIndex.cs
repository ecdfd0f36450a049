namespace OrleansLLM.Sequences;

/// <summary>The logs by sequence, and the sequences by request. Guarded by its owner's lock.</summary>
internal sealed class LogIndex
{
    private readonly Dictionary<SequenceId, SequenceLog> _logs = [];
    private readonly Dictionary<RequestId, RequestLogs> _requests = [];

    public IReadOnlyCollection<SequenceLog> All => _logs.Values;

    public bool Contains(RequestId request) => _requests.ContainsKey(request);

    public SequenceLog? Find(SequenceId id) => _logs.GetValueOrDefault(id);

    /// <summary>The ids of a request in the order in which they were added, or null.</summary>
    public IReadOnlyList<SequenceId>? Find(RequestId request) => _requests.TryGetValue(request, out var logs) ? [.. logs.Ids] : null;

    /// <summary>An id that no sequence of the request ever had, as long as the request is known.</summary>
    public SequenceId NextId(RequestId request) => new(request, _requests[request].NextIndex);

    public void Add(SequenceLog log)
    {
        if (!_requests.TryGetValue(log.Id.Request, out var request))
        {
            _requests.Add(log.Id.Request, request = new RequestLogs());
        }

        request.Ids.Add(log.Id);
        request.NextIndex = Math.Max(request.NextIndex, log.Id.Index + 1);
        _logs.Add(log.Id, log);
    }

    /// <summary>Null where it is not here.</summary>
    public SequenceLog? Remove(SequenceId id)
    {
        if (!_logs.Remove(id, out var log))
        {
            return null;
        }

        var request = _requests[id.Request];
        request.Ids.Remove(id);
        if (request.Ids.Count == 0)
        {
            _requests.Remove(id.Request);
        }

        return log;
    }

    private sealed class RequestLogs
    {
        public List<SequenceId> Ids { get; } = [];

        public int NextIndex { get; set; }
    }
}
