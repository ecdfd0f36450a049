using OrleansLLM.Compute;

namespace OrleansLLM.Engine;

/// <summary>
/// What one step computes: for each entry a sequence's next tokens. An entry that reaches its sequence's last token draws the next one, its
/// followers too. Reused from step to step; allocates nothing once it has grown to the largest step.
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

    /// <summary>From now on whatever is asked of a sequence that draws holds behind that token.</summary>
    public void MarkDraws()
    {
        for (var i = 0; i < _entries.Count; i++)
        {
            var (sequence, count, first, followers) = _entries[i];
            if (sequence.Computed + count < sequence.Count)
            {
                continue;
            }

            sequence.NextPosition = sequence.Count + 1;
            for (var follower = first; follower < first + followers; follower++)
            {
                _followers[follower].NextPosition = _followers[follower].Count + 1;
            }
        }
    }

    public void Add(Sequence sequence, int count, IReadOnlyList<Sequence> followers)
    {
        _entries.Add(new BatchEntry(sequence, count, _followers.Count, followers.Count));
        for (var i = 0; i < followers.Count; i++)
        {
            _followers.Add(followers[i]);
        }

        Tokens += count;
    }
}

/// <param name="Count">Tokens to compute, from the sequence's first that is not computed.</param>
/// <param name="FirstFollower">Its followers are [FirstFollower, FirstFollower + Followers) of the batch's.</param>
internal readonly record struct BatchEntry(Sequence Sequence, int Count, int FirstFollower, int Followers);
