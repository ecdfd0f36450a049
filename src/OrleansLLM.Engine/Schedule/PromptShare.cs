namespace OrleansLLM.Engine;

/// <summary>How many prompts are computed at once; the names are those of <c>vllm serve</c>.</summary>
/// <param name="Partial">That a step leaves unfinished.</param>
/// <param name="Long">Of these, with more than <paramref name="LongTokens"/> tokens to compute.</param>
internal readonly record struct PrefillLimits(int Partial, int Long, int LongTokens)
{
    public bool IsLong(int tokens) => tokens > LongTokens;
}

/// <summary>
/// What a step has left for prompts while it is scheduled, and the prompts that it leaves unfinished. Promises: a long prompt that runs has a quarter
/// of the step before shorter ones take the rest; what they leave is its, too. Reused from step to step; the step's thread owns it.
/// </summary>
internal sealed class PromptShare(PrefillLimits limits)
{
    private readonly List<PartialPrompt> _partials = [];
    private int _quarter;
    private int _longOnes;
    private int _reservedLong;
    private bool _areShortOnesServed;

    /// <summary>Tokens that are not given yet.</summary>
    public int Left { get; private set; }

    public int Given { get; private set; }

    public IReadOnlyList<PartialPrompt> Partials => _partials;

    public bool HasPlace => _partials.Count < limits.Partial;

    public bool HasLongPlace => HasPlace && _longOnes < limits.Long;

    /// <param name="tokens">That are left beside the rows that draw.</param>
    /// <param name="step">Prompt tokens that a step without such rows would compute.</param>
    /// <param name="runningLong">Long prompts that run: each has its quarter, as many as may be computed at once.</param>
    public void Begin(int tokens, int step, int runningLong)
    {
        _partials.Clear();
        (_longOnes, Given, _areShortOnesServed) = (0, 0, false);
        Left = tokens;
        _quarter = Math.Max(1, step / 4);
        _reservedLong = Math.Min(runningLong, limits.Long);
    }

    /// <summary>From now on a long prompt that fits into what is left delays nobody.</summary>
    public void EndShortOnes() => _areShortOnesServed = true;

    /// <summary>The first grant of a prompt that needs so many tokens; 0 where too many are under way.</summary>
    public int Grant(int need)
    {
        if (_areShortOnesServed && need <= Left)
        {
            return need;
        }

        if (limits.IsLong(need))
        {
            var first = Math.Min(Math.Min(need, _quarter), Left);
            return first == need || HasLongPlace ? first : 0;
        }

        var grant = Math.Min(need, Math.Max(0, Left - (_reservedLong * _quarter)));
        return grant == need || HasPlace ? grant : 0;
    }

    /// <summary>Takes what was granted out of the step; an unfinished prompt may get more before the step is complete.</summary>
    public void Take(Sequence sequence, int count, int need)
    {
        Left -= count;
        Given += count;
        if (limits.IsLong(need))
        {
            _longOnes++;
            _reservedLong = Math.Max(0, _reservedLong - 1);
        }

        if (count < need)
        {
            _partials.Add(new PartialPrompt(sequence, count));
        }
    }

    /// <summary>Gives an unfinished prompt more.</summary>
    public void Extend(int index, int more)
    {
        Left -= more;
        Given += more;
        _partials[index] = _partials[index] with { Count = _partials[index].Count + more };
    }
}

/// <param name="Count">Tokens that the step computes of it so far.</param>
internal readonly record struct PartialPrompt(Sequence Sequence, int Count);
