namespace OrleansLLM.Engine.Tests;

public class BlockPoolTests
{
    private readonly PrefixCache _prefixes = new(6);
    private readonly BlockPool _pool;

    public BlockPoolTests() => _pool = new BlockPool(6, _prefixes);

    [Fact]
    public void Content_is_evicted_least_recently_used_first_and_only_when_nothing_else_is_free()
    {
        var blocks = Enumerable.Range(0, 5).Select(_ => _pool.Take()).ToArray();
        for (var i = 0; i < 4; i++)
        {
            _prefixes.Add(new PrefixHash((uint)i, 0), 0, blocks[i]);
        }

        foreach (var i in new[] { 2, 4, 0, 3, 1 })
        {
            _pool.Release(blocks[i]);
        }

        _pool.Share(blocks[2]);
        _pool.Release(blocks[2]);
        Assert.Equal(4, _pool.Cached);
        Assert.Equal([blocks[4], 5, blocks[0], blocks[3], blocks[1], blocks[2]], Enumerable.Range(0, 6).Select(_ => _pool.Take()));
        Assert.Equal(0, _prefixes.Count);
        Assert.Equal(0, _pool.Free);
        Assert.Throws<InvalidOperationException>(() => _pool.Take());
    }

    [Fact]
    public void A_free_block_with_content_can_be_shared_again_and_is_not_taken_then()
    {
        var block = _pool.Take();
        _prefixes.Add(new PrefixHash(7, 0), 1, block);
        _pool.Release(block);
        Assert.False(_prefixes.TryFind(new PrefixHash(7, 0), 0, out _));
        Assert.True(_prefixes.TryFind(new PrefixHash(7, 0), 1, out var found));
        _pool.Share(found);
        Assert.DoesNotContain(block, Enumerable.Range(0, 5).Select(_ => _pool.Take()));
    }

    [Fact]
    public void Releasing_a_free_block_is_a_bug_and_said_so()
    {
        var block = _pool.Take();
        _pool.Release(block);
        Assert.Contains($"Block {block}", Assert.Throws<InvalidOperationException>(() => _pool.Release(block)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Hashes_depend_on_every_token_before_and_are_the_same_everywhere()
    {
        var hasher = new PrefixHasher("model", 2, 0);
        var first = PrefixHasher.Next(hasher.Seed("", 4), [1, 2]);
        Assert.Equal(PrefixHasher.Next(first, [3, 4]), PrefixHasher.Next(PrefixHasher.Next(hasher.Seed("", 9), [1, 2]), [3, 4]));
        Assert.NotEqual(PrefixHasher.Next(first, [3, 4]), PrefixHasher.Next(PrefixHasher.Next(hasher.Seed("", 4), [2, 1]), [3, 4]));
        Assert.NotEqual(hasher.Seed("", 4), new PrefixHasher("other", 2, 0).Seed("", 4));
    }
}
