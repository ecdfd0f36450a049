using OrleansLLM.Compute;

namespace OrleansLLM.Engine;

/// <summary>
/// What one step computes: for each entry a sequence's next tokens, and which entries draw a token. Reused from step to step; allocates
/// nothing once it has grown to the largest step.
/// </summary>
internal sealed class Batch
{
    private readonly List<BatchEntry> _entries = [];
    private readonly List<Sequence> _followers = [];
    private readonly List<BlockCopy> _copies = [];

    public int Tokens { get; private set; }

    public IReadOnlyList<BatchEntry> Entries => _entries;

    /// <summary>Followers that draw their first token in this step; an entry names its range.</summary>
    public IReadOnlyList<Sequence> Followers => _followers;

    /// <summary>Copies to make before anything is written.</summary>
    public List<BlockCopy> Copies => _copies;

    public bool IsEmpty => _entries.Count == 0 && _copies.Count == 0;

    public void Clear()
    {
        _entries.Clear();
        _followers.Clear();
        _copies.Clear();
        Tokens = 0;
    }

    public void Add(Sequence sequence, int count, IReadOnlyList<Sequence> followers)
    {
        var draws = sequence.Computed + count == sequence.Count && sequence.MaxTokens > 0 ? Draw.Token : Draw.Nothing;
        _entries.Add(new BatchEntry(sequence, count, draws, _followers.Count, followers.Count));
        for (var i = 0; i < followers.Count; i++)
        {
            _followers.Add(followers[i]);
        }

        Tokens += count;
    }
}

internal enum Draw
{
    Nothing,
    Token,
}

/// <param name="Count">Tokens to compute, from the sequence's first that is not computed.</param>
/// <param name="FirstFollower">Its followers are [FirstFollower, FirstFollower + Followers) of the batch's.</param>
internal readonly record struct BatchEntry(Sequence Sequence, int Count, Draw Draw, int FirstFollower, int Followers);
