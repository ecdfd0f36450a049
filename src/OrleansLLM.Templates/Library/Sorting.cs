using OrleansLLM.Templates.Values;

namespace OrleansLLM.Templates.Library;

internal enum SortOrder
{
    Ascending,
    Descending,
}

/// <summary>Python's sorted: stable in both directions, by &lt; of the keys alone.</summary>
internal static class Sorting
{
    private const int StepsPerKey = 4;

    /// <remarks>Merge sort: unlike .NET's sorts it calls the order once a step and stands orders that contradict themselves.</remarks>
    public static IReadOnlyList<T> Sort<T>(Rendering rendering, IEnumerable<T> items, Func<T, Value> key, SortOrder order)
    {
        var given = items.ToArray();
        rendering.Charge((long)given.Length * StepsPerKey);
        var entries = Array.ConvertAll(given, item => (Key: key(item), Item: item));
        if (order == SortOrder.Descending)
        {
            Array.Reverse(entries);
        }

        var other = new (Value Key, T Item)[entries.Length];
        for (var width = 1; width < entries.Length; width *= 2)
        {
            for (var start = 0; start < entries.Length; start += 2 * width)
            {
                Merge(rendering, entries, other, start, Math.Min(start + width, entries.Length), Math.Min(start + (2 * width), entries.Length));
            }

            (entries, other) = (other, entries);
        }

        if (order == SortOrder.Descending)
        {
            Array.Reverse(entries);
        }

        return [.. entries.Select(entry => entry.Item)];
    }

    private static void Merge<T>(Rendering rendering, (Value Key, T Item)[] from, (Value Key, T Item)[] to, int start, int middle, int end)
    {
        var (left, right) = (start, middle);
        for (var at = start; at < end; at++)
        {
            rendering.Charge(1);
            var takeRight = left == middle || (right < end && Equality.Less(from[right].Key, from[left].Key, "<"));
            to[at] = takeRight ? from[right++] : from[left++];
        }
    }
}
