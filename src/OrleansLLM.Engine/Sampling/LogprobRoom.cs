namespace OrleansLLM.Engine;

/// <summary>
/// Log probabilities of <see cref="Length"/> positions, all objects made beforehand: the step's thread fills them in, once each, and what is
/// published never changes again.
/// </summary>
internal sealed class LogprobRoom(int length, int top) : MadeAhead<LogprobRoom>
{
    /// <summary>Positions of a room for new tokens.</summary>
    private const int MostLength = 256;

    private readonly TokenLogprobs[] _positions = [.. Enumerable.Range(0, length).Select(_ => new TokenLogprobs(0, 0, default, default))];
    private readonly int[] _ids = new int[length * top];
    private readonly float[] _values = new float[length * top];

    public int Length => length;

    /// <summary>Null where no log probabilities are asked for.</summary>
    public static LogprobRoom? For(SamplingParameters sampling, int maxTokens) =>
        sampling.Logprobs is { } top ? new LogprobRoom(Math.Min(maxTokens, MostLength), top) : null;

    /// <param name="index">0 to Length - 1.</param>
    /// <param name="ids">As many as the room was made for, or fewer.</param>
    public TokenLogprobs Fill(int index, float logprob, int rank, ReadOnlySpan<int> ids, ReadOnlySpan<float> values)
    {
        var first = index * top;
        ids.CopyTo(_ids.AsSpan(first, top));
        values.CopyTo(_values.AsSpan(first, top));
        var position = _positions[index];
        (position.Logprob, position.Rank) = (logprob, rank);
        position.TopIds = _ids.AsMemory(first, ids.Length);
        position.TopLogprobs = _values.AsMemory(first, ids.Length);
        return position;
    }

    protected override LogprobRoom MakeNext() => new(MostLength, top);
}
