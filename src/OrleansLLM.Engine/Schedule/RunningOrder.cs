namespace OrleansLLM.Engine;

/// <summary>
/// Admitted sequences in their order: a lower priority number first, within one the earlier admission. Blocks are given from the front and
/// taken from the back. Not thread safe: the step's thread owns it.
/// </summary>
internal sealed class RunningOrder
{
    private readonly List<Sequence> _sequences = [];
    private long _admissions;

    public int Count => _sequences.Count;

    public Sequence this[int index] => _sequences[index];

    /// <summary>Admits a sequence: of its priority the last.</summary>
    public void Admit(Sequence sequence)
    {
        sequence.Admission = _admissions++;
        Insert(sequence);
    }

    public bool Remove(Sequence sequence) => _sequences.Remove(sequence);

    /// <summary>Moves a sequence whose priority has changed; nothing happens where it is not here.</summary>
    public void Reorder(Sequence sequence)
    {
        if (Remove(sequence))
        {
            Insert(sequence);
        }
    }

    /// <summary>The last one that holds blocks of its own, none of them under way, at <paramref name="first"/> or behind it; else first.</summary>
    public int LastThatRuns(int first)
    {
        var last = Count - 1;
        while (last > first && _sequences[last].State != SequenceState.Running)
        {
            last--;
        }

        return last;
    }

    /// <summary>
    /// The last one that runs with a worse priority than this and has had a token since a better one last took its place; -1 where there is none.
    /// </summary>
    public int LastToYieldTo(int priority)
    {
        var last = Count - 1;
        while (last >= 0 && _sequences[last].Priority > priority
            && (_sequences[last].State != SequenceState.Running || _sequences[last].Count == _sequences[last].YieldedAt))
        {
            last--;
        }

        return last >= 0 && _sequences[last].Priority > priority ? last : -1;
    }

    private void Insert(Sequence sequence)
    {
        var index = Count;
        while (index > 0 && IsBehind(_sequences[index - 1], sequence))
        {
            index--;
        }

        _sequences.Insert(index, sequence);
    }

    private static bool IsBehind(Sequence sequence, Sequence other) =>
        (sequence.Priority, sequence.Admission).CompareTo((other.Priority, other.Admission)) > 0;
}
