namespace OrleansLLM.Sequences;

/// <summary>
/// Where an engine leaves the tokens of a step. Called on the step's thread once a step that has something for this sink: it must not
/// block. The batch and its arrays are reused; what outlives the call is copied.
/// </summary>
public interface IStepSink
{
    void OnStep(StepBatch batch);
}

/// <summary>What one step gave to one sink, one entry a sequence.</summary>
public sealed class StepBatch
{
    private readonly List<StepEntry> _entries = [];

    public IReadOnlyList<StepEntry> Entries => _entries;

    public void Clear() => _entries.Clear();

    public void Add(in StepEntry entry) => _entries.Add(entry);
}

/// <summary>
/// The new token of a sequence, its prompt's log probabilities, or its end; the receiver appends only where
/// <paramref name="Position"/> equals what it has, and drops entries of an older epoch.
/// </summary>
/// <param name="Position">Of the token, counted from the prompt's first; without a token, where the next one would stand.</param>
/// <param name="PromptLogprobs">Log probabilities of all prompt positions, once, where they were asked for.</param>
public readonly record struct StepEntry(
    SequenceId Sequence, Epoch Epoch, int Position, int? Token, TokenLogprobs? Logprobs, IReadOnlyList<TokenLogprobs?>? PromptLogprobs,
    int CachedTokens, SequenceEnd? End);
