namespace OrleansLLM.Gateway.Metrics;

/// <summary>
/// Measures one answer as one client reads it; what another client's reading has measured is left out. When the last client leaves it before its end,
/// and none can come back, it counts as aborted.
/// </summary>
internal sealed class ChoiceTimer : IDisposable
{
    private readonly GatewayMetrics _metrics;
    private readonly string _model;
    private readonly MeasuredRequest _request;
    private readonly int _sample;
    private readonly TimeSpan _linger;
    private readonly TimeProvider _time;
    private long _first;
    private long _last;

    public ChoiceTimer(GatewayMetrics metrics, MeasuredRequest measured, SequenceId sequence, GenerationRequest request, TimeProvider time)
    {
        (_metrics, _request, _model, _linger, _time) = (metrics, measured, request.Model, request.Linger, time);
        _sample = sequence.Index;
        _request.Enter(_sample);
    }

    /// <summary>The client has so many tokens from before: they were counted where it got them.</summary>
    public void OnHad(int tokens) => _request.Advance(_sample, tokens);

    /// <summary>The answer has so many tokens. Those that are read together have a latency each, but the first one's is the time to first token.</summary>
    public void OnTokens(int tokens)
    {
        var (count, before) = _request.Advance(_sample, tokens);
        if (count == 0)
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
            if (before == 0)
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

    public void OnEnd(FinishReason reason, int promptTokens, int completionTokens)
    {
        if (!_request.TryEnd(_sample))
        {
            return;
        }

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

    public void Dispose()
    {
        if (_request.Leave(_sample) && _linger == TimeSpan.Zero && _request.TryEnd(_sample))
        {
            _metrics.OnAborted(_model);
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
