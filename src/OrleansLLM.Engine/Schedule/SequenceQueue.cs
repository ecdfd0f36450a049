namespace OrleansLLM.Engine;

/// <summary>Sequences that are to be admitted: a lower priority number first, equal ones in order of arrival.</summary>
internal sealed class SequenceQueue
{
    /// <summary>The next one stands last, so that taking it moves nothing.</summary>
    private readonly List<Sequence> _sequences = [];

    public int Count => _sequences.Count;

    public Sequence? Next => _sequences.Count == 0 ? null : _sequences[^1];

    /// <summary>Counted from the next one.</summary>
    public Sequence this[int index] => _sequences[^(1 + index)];

    public void Add(Sequence sequence)
    {
        var (low, high) = (0, _sequences.Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = IsBehind(_sequences[middle], sequence) ? (middle + 1, high) : (low, middle);
        }

        _sequences.Insert(low, sequence);
    }

    public bool Remove(Sequence sequence)
    {
        var index = _sequences.LastIndexOf(sequence);
        if (index < 0)
        {
            return false;
        }

        _sequences.RemoveAt(index);
        return true;
    }

    public static bool IsBehind(Sequence sequence, Sequence other) =>
        (sequence.Priority, sequence.Arrival).CompareTo((other.Priority, other.Arrival)) > 0;
}
