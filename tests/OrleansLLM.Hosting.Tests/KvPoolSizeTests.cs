using OrleansLLM.Compute;
using OrleansLLM.Models;

namespace OrleansLLM.Hosting.Tests;

public sealed class KvPoolSizeTests
{
    private static readonly KvGeometry Geometry = new(16, 4, 2, 32, 32, ElementType.BFloat16);

    private static readonly ModelOptions Options = new() { Path = "model", MaxSequences = 8 };

    [Fact]
    public void Given_bytes_are_taken_as_they_are() =>
        Assert.Equal(12345, Choose(Options with { KvCacheBytes = 12345 }, availableBytes: 1 << 30, windows: 0));

    [Fact]
    public void A_large_machine_holds_no_more_than_the_largest_batch_can_use() =>
        Assert.Equal(8 * 64 * Geometry.BytesPerBlock, Choose(Options, availableBytes: 1L << 40, windows: 0));

    [Fact]
    public void A_small_machine_gives_half_of_what_is_available() =>
        Assert.Equal(1_000_000, Choose(Options, availableBytes: 2_000_000, windows: 0));

    [Fact]
    public void A_windowed_group_needs_its_window_and_one_block_for_the_border()
    {
        // 1024 tokens: 64 blocks of the full group, 256 / 16 + 1 of the windowed one.
        Assert.Equal((64 + 17) * Geometry.BytesPerBlock, KvPoolSize.BytesOf(Layout(0, 256), 1024));
    }

    [Fact]
    public void A_lone_windowed_sequence_has_room_for_a_step_behind_its_window() => Assert.Equal(
        (17 + 4) * Geometry.BytesPerBlock,
        Choose(Options with { MaxSequences = 1, MaxBatchedTokens = 64 }, availableBytes: 1L << 40, windows: 256));

    [Fact]
    public void A_full_machine_still_gets_one_block_a_group() =>
        Assert.Equal(2 * Geometry.BytesPerBlock, Choose(Options, availableBytes: 0, 0, 256));

    private static long Choose(ModelOptions options, long availableBytes, params int[] windows) =>
        KvPoolSize.Choose(new MemoryAllowance(1L << 40, availableBytes), Layout(windows), options, maxLength: 1024);

    private static CacheLayout Layout(params int[] windows) => new(Geometry, [.. windows.Select(window => new CacheGroup(window))]);
}
