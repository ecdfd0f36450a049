using OrleansLLM.Compute.Cpu.Simd;

namespace OrleansLLM.Compute.Cpu.Sampling;

/// <summary>
/// Draws from what min-p, top-k and top-p leave. The vocabulary is never sorted: a histogram of distances from the largest logit tells how
/// far down the limits can reach, and only what lies above is ordered (logit descending, ties by the lower id) and cut exactly. The draw
/// itself passes the kept tokens in the order of their ids.
/// </summary>
internal static unsafe class LimitedDraw<TSimd, TVector>
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    private const float BucketsPerUnit = 32;

    /// <summary>Float32 weights against the exact ones: how much more is looked at, to be sure.</summary>
    private const double Margin = 1e-5;

    /// <param name="maximum">The largest logit, a finite one.</param>
    public static int Run(SampleRoom room, int columns, float maximum, DrawLimits limits, double uniform)
    {
        var total = RowScan<TSimd, TVector>.Exponentials(room.Logits, columns, maximum, room.Weights);
        FillBuckets(room, columns, maximum);
        var lastBucket = LastBucket(room, limits, total);
        var count = Collect(room, columns, maximum, lastBucket);
        new Span<ulong>(room.Candidates, count).Sort();
        count = Cut(room, count, limits, maximum);
        return Draw(room, count, maximum, uniform);
    }

    private static int Bucket(float logit, float maximum) =>
        (int)Math.Min((maximum - logit) * BucketsPerUnit, SampleRoom.Buckets - 1);

    private static void FillBuckets(SampleRoom room, int columns, float maximum)
    {
        new Span<double>(room.BucketWeights, SampleRoom.Buckets).Clear();
        new Span<int>(room.BucketCounts, SampleRoom.Buckets).Clear();
        for (var id = 0; id < columns; id++)
        {
            if (room.Weights[id] > 0)
            {
                var bucket = Bucket(room.Logits[id], maximum);
                room.BucketWeights[bucket] += room.Weights[id];
                room.BucketCounts[bucket]++;
            }
        }
    }

    /// <summary>The last bucket that the limits can reach into.</summary>
    private static int LastBucket(SampleRoom room, DrawLimits limits, double total)
    {
        // Without min-p that is infinity, and the last bucket.
        var deepest = (int)Math.Min((-Math.Log(limits.MinP) + Margin) * BucketsPerUnit, SampleRoom.Buckets - 1);
        var (count, weight) = (0, 0.0);
        for (var bucket = 0; bucket < deepest; bucket++)
        {
            count += room.BucketCounts[bucket];
            weight += room.BucketWeights[bucket];
            var enough = limits.TopK > 0
                ? count >= limits.TopK
                : limits.MinP <= 0 && weight >= limits.TopP * total * (1 + Margin);
            if (enough)
            {
                return bucket;
            }
        }

        return deepest;
    }

    private static int Collect(SampleRoom room, int columns, float maximum, int lastBucket)
    {
        var count = 0;
        for (var id = 0; id < columns; id++)
        {
            if (room.Weights[id] > 0 && Bucket(room.Logits[id], maximum) <= lastBucket)
            {
                room.Candidates[count++] = ((ulong)~Ordered(room.Logits[id]) << 32) | (uint)id;
            }
        }

        return count;
    }

    /// <summary>Exact limits on ordered candidates; returns how many are kept.</summary>
    private static int Cut(SampleRoom room, int count, DrawLimits limits, float maximum)
    {
        count = limits.TopK > 0 ? CutByRank(room, count, limits.TopK) : count;
        var kept = 1;
        while (kept < count && Weight(room, kept, maximum) >= limits.MinP)
        {
            kept++;
        }

        if (limits.TopP >= 1)
        {
            return kept;
        }

        // Where top-p alone limits, the candidates end before the vocabulary does and its total counts.
        var total = limits.TopK > 0 || limits.MinP > 0 ? Total(room, kept, maximum) : Total(room);
        var before = Weight(room, 0, maximum);
        var last = 1;
        while (last < kept && before / total < limits.TopP)
        {
            before += Weight(room, last++, maximum);
        }

        return last;
    }

    /// <summary>What is as likely as the last that is kept is kept, too.</summary>
    private static int CutByRank(SampleRoom room, int count, int most)
    {
        var kept = Math.Min(count, most);
        while (kept < count && room.Candidates[kept] >> 32 == room.Candidates[kept - 1] >> 32)
        {
            kept++;
        }

        return kept;
    }

    private static double Total(SampleRoom room, int count, float maximum)
    {
        var total = 0.0;
        for (var i = 0; i < count; i++)
        {
            total += Weight(room, i, maximum);
        }

        return total;
    }

    private static double Total(SampleRoom room)
    {
        var total = 0.0;
        for (var bucket = 0; bucket < SampleRoom.Buckets; bucket++)
        {
            total += room.BucketWeights[bucket];
        }

        return total;
    }

    private static int Draw(SampleRoom room, int count, float maximum, double uniform)
    {
        var kept = new Span<ulong>(room.Candidates, count);
        foreach (ref var candidate in kept)
        {
            candidate = (uint)candidate;
        }

        kept.Sort();
        var target = uniform * Total(room, count, maximum);
        var sum = 0.0;
        for (var i = 0; i < count - 1; i++)
        {
            sum += Weight(room, i, maximum);
            if (sum > target)
            {
                return (int)room.Candidates[i];
            }
        }

        return (int)room.Candidates[count - 1];
    }

    private static double Weight(SampleRoom room, int candidate, float maximum) =>
        Math.Exp(room.Logits[(uint)room.Candidates[candidate]] - (double)maximum);

    /// <summary>Bits that order as the numbers do.</summary>
    private static uint Ordered(float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value + 0f);
        return (bits & 0x80000000) != 0 ? ~bits : bits | 0x80000000;
    }
}
