namespace OrleansLLM.Gateway.Metrics;

/// <summary>Measures one answer. Disposed before its end, it counts as aborted.</summary>
internal sealed class ChoiceTimer(GatewayMetrics metrics, string model, long arrival, TimeProvider time) : IDisposable
{
    private long _first;
    private long _last;
    private bool _hasEnded;

    /// <summary>Tokens that were drawn and read together: a latency each, but the first one's is the time to first token.</summary>
    public void OnTokens(int count)
    {
        if (count == 0)
        {
            return;
        }

        var now = time.GetTimestamp();
        var tags = GatewayMetrics.Tags(model);
        metrics.GenerationTokens.Add(count, tags);
        if (_first == 0)
        {
            (_first, _last) = (now, now);
            metrics.FirstToken.Record(Seconds(arrival, now), tags);
            count--;
        }

        for (var i = 0; i < count; i++)
        {
            metrics.BetweenTokens.Record(Seconds(_last, now) / count, tags);
        }

        _last = now;
    }

    public void OnEnd(FinishReason reason, int promptTokens, int completionTokens)
    {
        _hasEnded = true;
        var tags = GatewayMetrics.Tags(model);
        metrics.EndToEnd.Record(Seconds(arrival, time.GetTimestamp()), tags);
        if (completionTokens > 1)
        {
            var decode = Seconds(_first, _last);
            metrics.Decode.Record(decode, tags);
            metrics.PerOutputToken.Record(decode / (completionTokens - 1), tags);
        }

        metrics.OnFinished(model, Name(reason), promptTokens, completionTokens);
    }

    public void Dispose()
    {
        if (!_hasEnded)
        {
            metrics.OnAborted(model);
        }
    }

    private static string Name(FinishReason reason) => reason switch
    {
        FinishReason.Stop => "stop",
        FinishReason.Length => "length",
        FinishReason.Failed or FinishReason.BrokenLogits => "error",
        _ => "abort",
    };

    private double Seconds(long from, long to) => time.GetElapsedTime(from, to).TotalSeconds;
}
