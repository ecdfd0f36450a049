namespace OrleansLLM.Engine;

/// <summary>Sequences that are to be admitted: a lower priority number first, equal ones in order of arrival.</summary>
internal sealed class SequenceQueue
{
    /// <summary>The next one stands last, so that taking it moves nothing.</summary>
    private readonly List<Sequence> _sequences = [];
    private int _firstAnswers;

    public int Count => _sequences.Count;

    public Sequence? Next => _sequences.Count == 0 ? null : _sequences[^1];

    /// <summary>The next one of those that their callers asked for first.</summary>
    public Sequence? NextFirstAnswer => _firstAnswers == 0 ? null : _sequences.FindLast(static sequence => !sequence.IsFurther);

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
        _firstAnswers += sequence.IsFurther ? 0 : 1;
    }

    public bool Remove(Sequence sequence)
    {
        var index = _sequences.LastIndexOf(sequence);
        if (index < 0)
        {
            return false;
        }

        _sequences.RemoveAt(index);
        _firstAnswers -= sequence.IsFurther ? 0 : 1;
        return true;
    }

    public void AddPlaces(List<PlaceInLine> places)
    {
        foreach (var sequence in _sequences)
        {
            places.Add(PlaceInLine.Of(sequence));
        }
    }

    public static bool IsBehind(Sequence sequence, Sequence other) =>
        (sequence.Priority, sequence.Arrival).CompareTo((other.Priority, other.Arrival)) > 0;
}

/// <summary>What decides who waits before whom, but for the arrival.</summary>
internal readonly record struct PlaceInLine(int Priority, bool IsFurther)
{
    public static PlaceInLine Of(Sequence sequence) => new(sequence.Priority, sequence.IsFurther);

    /// <summary>One that came later may still be served before this one, so this one does not count for it.</summary>
    public bool IsPassedBy(PlaceInLine later) => later.Priority < Priority || (later.Priority == Priority && IsFurther && !later.IsFurther);
}
