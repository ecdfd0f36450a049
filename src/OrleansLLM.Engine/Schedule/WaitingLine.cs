namespace OrleansLLM.Engine;

/// <summary>
/// Sequences that were never admitted, in two queues: long prompts must not stand in the way of short ones. Not thread safe: the step's thread
/// owns it.
/// </summary>
/// <param name="longTokens">A sequence of more tokens is long.</param>
internal sealed class WaitingLine(int longTokens)
{
    /// <summary>Sequences of a queue, from its head, that are looked at for what may be done with the next step.</summary>
    private const int MostLookedUp = 8;

    /// <summary>Followers whose arrays are made before their leader starts.</summary>
    private const int MostFollowers = 32;

    private readonly SequenceQueue _short = new();
    private readonly SequenceQueue _long = new();

    public int Count => _short.Count + _long.Count;

    public Sequence? NextLong => _long.Next;

    /// <summary>The next one of those that their callers asked for first, with a short prompt.</summary>
    public Sequence? NextShortFirstAnswer => _short.NextFirstAnswer;

    public Sequence? NextLongFirstAnswer => _long.NextFirstAnswer;

    /// <summary>The next one whatever its length.</summary>
    public Sequence? Next => _long.Next is { } longOne && (_short.Next is not { } other || SequenceQueue.IsBehind(other, longOne)) ? longOne : _short.Next;

    public void Add(Sequence sequence) => QueueOf(sequence).Add(sequence);

    public bool Remove(Sequence sequence) => QueueOf(sequence).Remove(sequence);

    /// <summary>Has the arrays made of what may start with the next step, and of followers that may then start with their leaders.</summary>
    public void WantRooms()
    {
        var followers = MostFollowers;
        WantRooms(_short, ref followers);
        WantRooms(_long, ref followers);
    }

    public void AddPlaces(List<PlaceInLine> places)
    {
        _short.AddPlaces(places);
        _long.AddPlaces(places);
    }

    /// <summary>The next one of which no more than a short prompt is to be computed, also where the cache makes a long one short.</summary>
    public Sequence? NextShort(BlockManager blocks)
    {
        var next = _short.Next;
        for (var i = 0; i < Math.Min(_long.Count, MostLookedUp); i++)
        {
            var sequence = _long[i];
            if ((next is null || SequenceQueue.IsBehind(next, sequence)) && sequence.Count - blocks.CountCached(sequence) <= longTokens)
            {
                return sequence;
            }
        }

        return next;
    }

    private static void WantRooms(SequenceQueue queue, ref int followers)
    {
        for (var i = 0; i < Math.Min(queue.Count, MostLookedUp); i++)
        {
            queue[i].WantRoom();
            followers -= queue[i].Group?.WantRooms(followers) ?? 0;
        }
    }

    private SequenceQueue QueueOf(Sequence sequence) => sequence.Count > longTokens ? _long : _short;
}
