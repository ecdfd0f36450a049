namespace OrleansLLM.Text.Tokenizers.Models;

/// <summary>
/// A piece while its symbols merge: a list threaded through an array, and a heap of the pairs that may merge. Not thread-safe; kept for the
/// next piece.
/// </summary>
internal sealed class BpeWord
{
    /// <summary>Arrays that grew beyond this are given back after their piece.</summary>
    private const int MaxKept = 1 << 16;

    private const int End = -1;

    private Symbol[] _symbols = new Symbol[64];
    private ulong[] _heap = new ulong[64];
    private int _count;
    private int _heapCount;

    private struct Symbol
    {
        public int Id;
        public int Start;
        public int Stop;
        public int Previous;
        public int Next;
        public bool IsMerged;
    }

    public void Add(int id, int start, int end)
    {
        if (_count == _symbols.Length)
        {
            Array.Resize(ref _symbols, _count * 2);
        }

        _symbols[_count] = new Symbol { Id = id, Start = start, Stop = end, Previous = _count - 1, Next = End };
        if (_count > 0)
        {
            _symbols[_count - 1].Next = _count;
        }

        _count++;
    }

    public void Merge(MergeTable merges)
    {
        for (var left = 0; left + 1 < _count; left++)
        {
            Push(merges, left);
        }

        while (_heapCount > 0)
        {
            var top = Pop();
            var left = (int)(uint)top;
            ref var symbol = ref _symbols[left];
            // A pair whose symbols have changed since it was pushed has another rank or none.
            if (!symbol.IsMerged && symbol.Next != End
                && merges.TryFind(symbol.Id, _symbols[symbol.Next].Id, out var rank, out var merged) && rank == (int)(top >> 32))
            {
                Join(left, merged);
                Push(merges, left);
                if (symbol.Previous != End)
                {
                    Push(merges, symbol.Previous);
                }
            }
        }
    }

    public void AddTo(List<ModelToken> tokens)
    {
        for (var index = _count == 0 ? End : 0; index != End; index = _symbols[index].Next)
        {
            tokens.Add(new ModelToken(_symbols[index].Id, _symbols[index].Start, _symbols[index].Stop));
        }
    }

    /// <summary>Empties the word; null where its arrays are too large to keep.</summary>
    public BpeWord? Reset()
    {
        _count = 0;
        _heapCount = 0;
        return _symbols.Length > MaxKept || _heap.Length > MaxKept ? null : this;
    }

    private void Join(int left, int merged)
    {
        ref var symbol = ref _symbols[left];
        ref var right = ref _symbols[symbol.Next];
        symbol.Id = merged;
        symbol.Stop = right.Stop;
        symbol.Next = right.Next;
        right.IsMerged = true;
        if (right.Next != End)
        {
            _symbols[right.Next].Previous = left;
        }
    }

    private void Push(MergeTable merges, int left)
    {
        var next = _symbols[left].Next;
        if (next == End || !merges.TryFind(_symbols[left].Id, _symbols[next].Id, out var rank, out _))
        {
            return;
        }

        if (_heapCount == _heap.Length)
        {
            Array.Resize(ref _heap, _heapCount * 2);
        }

        var entry = ((ulong)(uint)rank << 32) | (uint)left;
        var at = _heapCount++;
        while (at > 0 && _heap[(at - 1) / 2] > entry)
        {
            _heap[at] = _heap[(at - 1) / 2];
            at = (at - 1) / 2;
        }

        _heap[at] = entry;
    }

    private ulong Pop()
    {
        var top = _heap[0];
        var last = _heap[--_heapCount];
        var at = 0;
        while (2 * at + 1 < _heapCount)
        {
            var child = 2 * at + 1;
            child += child + 1 < _heapCount && _heap[child + 1] < _heap[child] ? 1 : 0;
            if (_heap[child] >= last)
            {
                break;
            }

            _heap[at] = _heap[child];
            at = child;
        }

        _heap[at] = last;
        return top;
    }
}
