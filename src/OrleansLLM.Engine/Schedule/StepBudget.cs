namespace OrleansLLM.Engine;

/// <summary>
/// How many prompt tokens the next step may compute, so that a step takes no longer than it was asked to. It begins with a small chunk and follows
/// what steps took: <c>tokens · longest / taken</c>, at most doubled at once, and only after steps that used it up; whatever grows dearer with the
/// position, with other rows of the batch or with the machine's load is so in the measure. Not thread safe: the step's thread owns it.
/// </summary>
/// <param name="longest">Null = steps are not measured, and every step may compute the most.</param>
internal sealed class StepBudget(TimeSpan? longest, int most)
{
    private const int First = 64;
    private const int Least = 16;

    public int Tokens { get; private set; } = longest is null ? most : Math.Min(First, most);

    /// <param name="computed">Prompt tokens of the step; steps without any teach nothing.</param>
    public void Note(int computed, TimeSpan taken)
    {
        if (longest is not { } limit || computed == 0)
        {
            return;
        }

        var fits = taken <= TimeSpan.Zero ? double.MaxValue : computed * (limit / taken);
        if (fits < Tokens || computed >= Tokens)
        {
            Tokens = (int)Math.Clamp(fits, Math.Min(Least, most), Math.Min(2L * Tokens, most));
        }
    }
}
