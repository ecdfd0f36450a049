using OrleansLLM.Compute;

namespace OrleansLLM.Models.Tests;

public sealed class CacheLayoutTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(7)]
    public void A_query_needs_its_own_key_and_as_many_before_it_as_the_window_has(int window)
    {
        var group = new CacheGroup(window);
        for (var query = 0; query < 30; query++)
        {
            var seen = Enumerable.Range(0, query + 1).Where(key => window == 0 || query - key < window);
            Assert.Equal(seen.First(), group.NeededFrom(query));
        }
    }

    [Fact]
    public void A_windowed_group_needs_its_window_and_one_block_for_the_border()
    {
        // 1024 tokens: 64 blocks of the full group, 256 / 16 + 1 of the windowed one.
        Assert.Equal(64 + 17, Layout(16, 0, 256).MostBlocksOf(1024, chunk: 1));
        Assert.Equal(64 + 37, Layout(16, 0, 512).MostBlocksOf(1024, chunk: 64));
    }

    [Fact]
    public void The_longest_window_there_is_holds_every_token() =>
        Assert.Equal(1, Layout(16, int.MaxValue).MostBlocksOf(1, chunk: 1 << 20));

    /// <summary>Every step from every beginning, block by block; the count may be one block a group too high, and never too low.</summary>
    [Fact]
    public void A_growing_sequence_never_holds_more_blocks_than_are_counted_and_hardly_fewer()
    {
        foreach (var (window, blockSize) in new[] { (0, 4), (1, 1), (2, 4), (5, 3), (9, 4), (16, 4), (17, 16) })
        {
            for (var tokens = 1; tokens < 60; tokens++)
            {
                foreach (var chunk in new[] { 1, 3, 4, 16 })
                {
                    var counted = Layout(blockSize, window).MostBlocksOf(tokens, chunk);
                    Assert.InRange(counted - Held(window, blockSize, tokens, chunk), 0, 1);
                }
            }
        }
    }

    private static int Held(int window, int blockSize, int tokens, int chunk)
    {
        var most = 0;
        for (var end = 1; end <= tokens; end++)
        {
            for (var first = Math.Max(0, end - chunk); first < end; first++)
            {
                var needed = window == 0 ? 0 : Math.Max(0, first - window + 1);
                most = Math.Max(most, ((end - 1) / blockSize) - (needed / blockSize) + 1);
            }
        }

        return most;
    }

    private static CacheLayout Layout(int blockSize, params int[] windows) =>
        new(new KvGeometry(blockSize, 1, 1, 8, 8, ElementType.BFloat16), [.. windows.Select(window => new CacheGroup(window))]);
}
