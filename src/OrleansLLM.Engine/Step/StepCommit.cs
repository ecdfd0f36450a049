using OrleansLLM.Compute;

namespace OrleansLLM.Engine;

/// <summary>
/// The end of a step: what was computed counts, full blocks are shared, followers begin, drawn tokens are appended and published, and what
/// has reached its end leaves, its blocks with it. What the model computed that is no number ends its sequence and is shared with nobody.
/// Counts the tokens. Allocates nothing; the step's thread owns it.
/// </summary>
/// <param name="brokenLogits">How a sequence ends whose logits are no numbers.</param>
internal sealed class StepCommit(
    BlockManager blocks, Scheduler scheduler, LiveSequences live, ModelRunner runner, SequenceEnd brokenLogits, int maxLength)
{
    /// <summary>Of prompts that were computed to their end, cached ones included.</summary>
    public long PromptTokens { get; private set; }

    public long CachedPromptTokens { get; private set; }

    public long GeneratedTokens { get; private set; }

    /// <inheritdoc cref="EngineStatistics.RecomputedTokens"/>
    public long RecomputedTokens { get; private set; }

    /// <summary>Sequences whose logits were no numbers, since the start.</summary>
    public long BrokenSequences { get; private set; }

    public void Run(Batch batch)
    {
        var drawn = 0;
        for (var i = 0; i < batch.Entries.Count; i++)
        {
            var entry = batch.Entries[i];
            var sequence = entry.Sequence;
            sequence.Computed += entry.Count;
            RecomputedTokens += sequence.IsBegun && sequence.Count == sequence.PromptLength + sequence.ResumedTokens ? entry.Count : 0;
            blocks.Commit(sequence);
            if (sequence.Computed < sequence.Count)
            {
                if (sequence.AreLogitsBroken)
                {
                    EndBroken(sequence);
                }

                continue;
            }

            CountPrompt(sequence);
            for (var follower = 0; follower < entry.Followers; follower++)
            {
                var next = batch.Followers[entry.FirstFollower + follower];
                next.SharePromptLogprobs(sequence);
                scheduler.StartFollower(sequence, next);
            }

            drawn = Append(sequence, drawn);
            for (var follower = 0; follower < entry.Followers; follower++)
            {
                drawn = Append(batch.Followers[entry.FirstFollower + follower], drawn);
            }
        }
    }

    private int Append(Sequence sequence, int index)
    {
        var next = index + (sequence.WantsTokens ? 1 : 0);
        if (sequence.AreLogitsBroken)
        {
            EndBroken(sequence);
            return next;
        }

        if (!sequence.WantsTokens || runner.Drawn[index] == SamplingPlan.NothingAllowed)
        {
            live.End(sequence, sequence.WantsTokens ? Ends.NothingAllowed : Ends.Length);
            return next;
        }

        var token = runner.Drawn[index];
        sequence.Append(token);
        GeneratedTokens++;
        var end = sequence.Close(maxLength);
        LiveSequences.Publish(sequence, sequence.Count - 1, token, runner.DrawnLogprobs[index], end);
        if (end is not null)
        {
            live.Remove(sequence);
        }

        return next;
    }

    private void EndBroken(Sequence sequence)
    {
        BrokenSequences++;
        blocks.Forget(sequence);
        live.End(sequence, brokenLogits);
    }

    private void CountPrompt(Sequence sequence)
    {
        if (sequence.Count == sequence.PromptLength)
        {
            PromptTokens += sequence.PromptLength;
            CachedPromptTokens += sequence.CachedTokens;
        }
    }
}
