namespace OrleansLLM.Gateway.Metrics;

/// <summary>
/// What was measured of a request, so that its prompt counts once, whoever asks for it and how often, and who reads its answers here. Thread-safe.
/// </summary>
/// <param name="arrival">When it was first asked for.</param>
internal sealed class MeasuredRequest(int samples, long arrival)
{
    private readonly Lock _lock = new();
    private readonly int[] _readers = new int[samples];
    private readonly bool[] _hasEnded = new bool[samples];
    private bool _hasPrompt;
    private bool _hasAnswer;

    public long Arrival { get; } = arrival;

    /// <summary>True the first time.</summary>
    public bool TryCountPrompt()
    {
        lock (_lock)
        {
            return !_hasPrompt && (_hasPrompt = true);
        }
    }

    /// <summary>True the first time.</summary>
    public bool TryCountAnswer()
    {
        lock (_lock)
        {
            return !_hasAnswer && (_hasAnswer = true);
        }
    }

    public void Enter(int sample)
    {
        lock (_lock)
        {
            _readers[sample]++;
        }
    }

    /// <summary>True where nobody reads any more what has not ended.</summary>
    public bool Leave(int sample)
    {
        lock (_lock)
        {
            return --_readers[sample] == 0 && !_hasEnded[sample];
        }
    }

    /// <summary>Some reader has seen the end.</summary>
    public void End(int sample)
    {
        lock (_lock)
        {
            _hasEnded[sample] = true;
        }
    }
}
