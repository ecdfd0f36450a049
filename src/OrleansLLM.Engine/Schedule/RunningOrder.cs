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

    /// <summary>Those whose caller asked for them first.</summary>
    public int FirstAnswers { get; private set; }

    public Sequence this[int index] => _sequences[index];

    /// <summary>Admits a sequence: of its priority the last.</summary>
    public void Admit(Sequence sequence)
    {
        sequence.Admission = _admissions++;
        Insert(sequence);
    }

    public bool Remove(Sequence sequence)
    {
        var isHere = _sequences.Remove(sequence);
        FirstAnswers -= isHere && !sequence.IsFurther ? 1 : 0;
        return isHere;
    }

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

    /// <summary>The last one of a worse priority than this that may yield; -1 where there is none.</summary>
    public int LastToYieldTo(int priority)
    {
        var last = Count - 1;
        while (last >= 0 && _sequences[last].Priority > priority && !MayYield(_sequences[last]))
        {
            last--;
        }

        return last >= 0 && _sequences[last].Priority > priority ? last : -1;
    }

    /// <summary>The last further answer of this priority that may yield; -1 where there is none.</summary>
    public int LastFurtherOf(int priority)
    {
        var last = Count - 1;
        while (last >= 0 && !(_sequences[last].Priority == priority && _sequences[last].IsFurther && MayYield(_sequences[last])))
        {
            last--;
        }

        return last;
    }

    /// <summary>It runs, and has had a token since another one last took its place.</summary>
    private static bool MayYield(Sequence sequence) => sequence.State == SequenceState.Running && sequence.Count != sequence.YieldedAt;

    private void Insert(Sequence sequence)
    {
        var index = Count;
        while (index > 0 && IsBehind(_sequences[index - 1], sequence))
        {
            index--;
        }

        _sequences.Insert(index, sequence);
        FirstAnswers += sequence.IsFurther ? 0 : 1;
    }

    private static bool IsBehind(Sequence sequence, Sequence other) =>
        (sequence.Priority, sequence.Admission).CompareTo((other.Priority, other.Admission)) > 0;
}
