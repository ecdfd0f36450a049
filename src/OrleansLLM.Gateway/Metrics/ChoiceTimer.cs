namespace OrleansLLM.Gateway.Metrics;

/// <summary>
/// Measures one answer as one client reads it. Each token and the end are counted by the reader that was the first to get them, in whichever process it reads
/// (<see cref="TokenRange.ReadBefore"/>). Where the last one leaves before the end and that ends the answer, it counts as aborted.
/// </summary>
internal sealed class ChoiceTimer
{
    /// <summary>How long the generator has to say what became of an answer that its client left.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    private readonly GatewayMetrics _metrics;
    private readonly string _model;
    private readonly MeasuredRequest _request;
    private readonly SequenceId _sequence;
    private readonly TimeSpan _linger;
    private readonly TimeProvider _time;
    private int _counted;
    private long _first;
    private long _last;

    public ChoiceTimer(GatewayMetrics metrics, MeasuredRequest measured, SequenceId sequence, GenerationRequest request, TimeProvider time)
    {
        (_metrics, _request, _model, _linger, _time) = (metrics, measured, request.Model, request.Linger, time);
        _sequence = sequence;
        _request.Enter(sequence.Index);
    }

    /// <summary>Whether this reader was the first to get the answer's end.</summary>
    public bool HasCountedEnd { get; private set; }

    /// <summary>The client has so many tokens from before: they were counted where it got them.</summary>
    public void OnHad(int tokens) => _counted = tokens;

    /// <summary>The client has the end from before.</summary>
    public void OnHadEnd() => _request.End(_sequence.Index);

    /// <summary>
    /// The answer has so many tokens, of which others had the first <paramref name="readBefore"/>. Those that are read together have a latency each,
    /// but the first one's is the time to first token.
    /// </summary>
    public void OnTokens(int tokens, int readBefore)
    {
        var before = Math.Max(_counted, readBefore);
        var count = tokens - before;
        _counted = Math.Max(_counted, tokens);
        if (count <= 0)
        {
            return;
        }

        var now = _time.GetTimestamp();
        var tags = GatewayMetrics.Tags(_model);
        _metrics.GenerationTokens.Add(count, tags);
        if (_first == 0)
        {
            (_first, _last) = (now, now);
            count--;
            if (before <= 0)
            {
                _metrics.FirstToken.Record(Seconds(_request.Arrival, now), tags);
            }
        }

        for (var i = 0; i < count; i++)
        {
            _metrics.BetweenTokens.Record(Seconds(_last, now) / count, tags);
        }

        _last = now;
    }

    /// <param name="isCounted">Whether another reader had the end before.</param>
    public void OnEnd(FinishReason reason, int promptTokens, int completionTokens, bool isCounted)
    {
        OnHadEnd();
        if (isCounted || HasCountedEnd)
        {
            return;
        }

        HasCountedEnd = true;
        var tags = GatewayMetrics.Tags(_model);
        _metrics.EndToEnd.Record(Seconds(_request.Arrival, _time.GetTimestamp()), tags);
        if (completionTokens > 1 && _first != 0)
        {
            var decode = Seconds(_first, _last);
            _metrics.Decode.Record(decode, tags);
            _metrics.PerOutputToken.Record(decode / (completionTokens - 1), tags);
        }

        _metrics.OnFinished(_model, Name(reason), promptTokens, completionTokens);
    }

    /// <summary>
    /// The client has left. Where nobody here reads the answer any more and it has ended by that, its end is read, so that it counts; while the server stops, or
    /// others read elsewhere, it goes on.
    /// </summary>
    public async ValueTask LeaveAsync(IGenerator generator)
    {
        if (!_request.Leave(_sequence.Index) || _linger > TimeSpan.Zero)
        {
            return;
        }

        try
        {
            using var patience = new CancellationTokenSource(Patience, _time);
            if (await generator.DescribeAsync(_sequence, patience.Token) is { Phase: SequencePhase.Ended } left)
            {
                await CountEndAsync(generator.ReadAsync(_sequence, left.Tokens, patience.Token));
            }
        }
        catch (Exception)
        {
            // What can't be asked any more is not counted; the client's answer does not depend on it.
        }
    }

    private async Task CountEndAsync(IAsyncEnumerable<TokenRange> rest)
    {
        await foreach (var range in rest)
        {
            if (range is { End: { } end, IsEndRead: false })
            {
                OnHadEnd();
                _metrics.OnLeft(_model, Name(end.Reason));
            }
        }
    }

    private static string Name(FinishReason reason) => reason switch
    {
        FinishReason.Stop => "stop",
        FinishReason.Length => "length",
        FinishReason.Failed or FinishReason.BrokenLogits or FinishReason.Poisoned => "error",
        _ => "abort",
    };

    private double Seconds(long from, long to) => _time.GetElapsedTime(from, to).TotalSeconds;
}
