namespace OrleansLLM.Engine.Tests;

/// <summary>Hits in a cache that has lost any of its blocks, against what the next query of each group sees.</summary>
public sealed class SharedPrefixesTests
{
    private const int BlockSize = 4;
    private const int Blocks = 6;

    private static readonly PrefixHasher Hasher = new("model", BlockSize, dynamicRopeOrigin: 0);

    private static readonly int[][] Windows = [[0], [6], [0, 6], [6, 0], [0, 1], [5, 9], [0, 4, 13]];

    /// <summary>By window of the group and block: whether the cache still has it.</summary>
    private static bool[][] SomeCached(Random random, int[] windows) =>
        [.. windows.Select(_ => Enumerable.Range(0, Blocks).Select(_ => random.Next(5) > 0).ToArray())];

    [Fact]
    public void A_hit_is_as_long_as_every_group_can_restore()
    {
        var random = new Random(61);
        for (var round = 0; round < 3000; round++)
        {
            var windows = Windows[random.Next(Windows.Length)];
            var cached = SomeCached(random, windows);
            var (shared, _, sequence) = Arrange(windows, cached, Blocks * BlockSize);
            Assert.Equal(LongestHit(windows, cached, Blocks), shared.Match(sequence.Tables.Hashes));
        }
    }

    [Fact]
    public void What_is_restored_is_shared_and_what_no_query_sees_is_gone()
    {
        var random = new Random(62);
        for (var round = 0; round < 3000; round++)
        {
            var windows = Windows[random.Next(Windows.Length)];
            var cached = SomeCached(random, windows);
            var tokens = random.Next(1, (Blocks * BlockSize) + 1);
            var (shared, pool, sequence) = Arrange(windows, cached, tokens);

            // The last token's logits are needed: its block is not restored.
            var hit = LongestHit(windows, cached, (tokens - 1) / BlockSize);
            Assert.Equal(hit * BlockSize, shared.Restore(sequence));
            Assert.Equal((hit * BlockSize, hit, hit), (sequence.Computed, sequence.Tables.Count, sequence.Tables.Registered));
            for (var group = 0; group < windows.Length; group++)
            {
                for (var index = 0; index < hit; index++)
                {
                    var needed = IsNeeded(windows[group], hit, index);
                    Assert.Equal(needed ? BlockOf(group, index) : BlockTables.Gone, sequence.Tables.Block(group, index));
                    Assert.Equal(needed ? 1 : 0, pool.References(BlockOf(group, index)));
                }
            }
        }
    }

    private static (SharedPrefixes Shared, BlockPool Pool, Sequence Sequence) Arrange(int[] windows, bool[][] cached, int tokens)
    {
        var shape = CoreFixture.Shape(BlockSize, windows);
        var prefixes = new PrefixCache(windows.Length * Blocks);
        var pool = new BlockPool(windows.Length * Blocks, prefixes);
        var request = CoreFixture.Request([.. Enumerable.Range(0, tokens)], 1);
        var sequence = new Sequence(request, CoreFixture.Epoch(1), new SequenceId(request.Id, 0), [], shape);
        sequence.MakeRoom();
        Hasher.Hash(sequence, tokens / BlockSize);
        var taken = Enumerable.Range(0, pool.Total).Select(_ => pool.Take()).ToArray();
        for (var group = 0; group < windows.Length; group++)
        {
            for (var index = 0; index < sequence.Tables.HashCount; index++)
            {
                if (cached[group][index])
                {
                    prefixes.Add(sequence.Tables.Hashes[index], group, BlockOf(group, index));
                }
            }
        }

        foreach (var block in taken)
        {
            pool.Release(block);
        }

        return (new SharedPrefixes(shape, Hasher, prefixes, pool), pool, sequence);
    }

    private static int BlockOf(int group, int index) => (group * Blocks) + index;

    private static int LongestHit(int[] windows, bool[][] cached, int most) => Enumerable.Range(0, most + 1).Last(
        hit => windows.Select((window, group) => Enumerable.Range(0, hit).All(index => cached[group][index] || !IsNeeded(window, hit, index))).All(can => can));

    /// <summary>Whether the first query behind the hit, or one after it, sees a slot of the block.</summary>
    private static bool IsNeeded(int window, int hit, int index)
    {
        var (query, lastSlot) = (hit * BlockSize, ((index + 1) * BlockSize) - 1);
        return window == 0 || query - lastSlot < window;
    }
}
