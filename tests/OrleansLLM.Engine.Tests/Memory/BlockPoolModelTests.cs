namespace OrleansLLM.Engine.Tests;

/// <summary>Pool and prefix cache against lists that do the same slowly and obviously, operation by operation.</summary>
public sealed class BlockPoolModelTests
{
    private const int Blocks = 12;
    private const int Contents = 30;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Random_operations_do_what_plain_lists_do(int seed)
    {
        var random = new Random(seed);
        var prefixes = new PrefixCache(Blocks);
        var pool = new BlockPool(Blocks, prefixes);
        var slow = new SlowPool();
        for (var operation = 0; operation < 60_000; operation++)
        {
            var block = random.Next(Blocks);
            var content = random.Next(Contents);
            switch (random.Next(6))
            {
                case 0 when slow.Free > 0:
                    Assert.Equal(slow.Take(), pool.Take());
                    break;
                case 1 when slow.References[block] > 0 || slow.Content[block] >= 0:
                    slow.Share(block);
                    pool.Share(block);
                    break;
                case 2 or 3 when slow.References[block] > 0:
                    slow.Release(block);
                    pool.Release(block);
                    break;
                case 4 when slow.References[block] > 0:
                    slow.Add(content, block);
                    prefixes.Add(new PrefixHash((uint)content, 0), content % 3, block);
                    break;
                case 5 when slow.References[block] > 0:
                    slow.Content[block] = -1;
                    prefixes.Forget(block);
                    break;
            }

            Compare(slow, pool, prefixes);
        }

        for (var block = 0; block < Blocks; block++)
        {
            for (; slow.References[block] > 0; slow.References[block]--)
            {
                pool.Release(block);
            }
        }

        Assert.Null(pool.FindLeak());
        Assert.Equal(prefixes.Count, pool.Cached);
    }

    private static void Compare(SlowPool slow, BlockPool pool, PrefixCache prefixes)
    {
        Assert.Equal(slow.Free, pool.Free);
        Assert.Equal(Blocks - slow.Free, pool.Used);
        Assert.Equal(slow.LeastRecentlyUsed.Count, pool.Cached);
        Assert.Equal(slow.References, Enumerable.Range(0, Blocks).Select(pool.References));
        for (var content = 0; content < Contents; content++)
        {
            var found = prefixes.TryFind(new PrefixHash((uint)content, 0), content % 3, out var block);
            Assert.Equal(Array.IndexOf(slow.Content, content), found ? block : -1);
        }
    }

    /// <summary>Taken are first blocks without content, the last released first, then fresh ones, then the content used least recently.</summary>
    private sealed class SlowPool
    {
        private readonly Stack<int> _empty = [];
        private readonly Queue<int> _fresh = new(Enumerable.Range(0, Blocks));

        public int[] References { get; } = new int[Blocks];

        public int[] Content { get; } = [.. Enumerable.Repeat(-1, Blocks)];

        public List<int> LeastRecentlyUsed { get; } = [];

        public int Free => References.Count(references => references == 0);

        public int Take()
        {
            int block;
            if (_empty.Count > 0)
            {
                block = _empty.Pop();
            }
            else if (!_fresh.TryDequeue(out block))
            {
                block = LeastRecentlyUsed[0];
                LeastRecentlyUsed.RemoveAt(0);
                Content[block] = -1;
            }

            References[block] = 1;
            return block;
        }

        public void Share(int block)
        {
            LeastRecentlyUsed.Remove(block);
            References[block]++;
        }

        public void Release(int block)
        {
            if (--References[block] > 0)
            {
                return;
            }

            if (Content[block] >= 0)
            {
                LeastRecentlyUsed.Add(block);
            }
            else
            {
                _empty.Push(block);
            }
        }

        public void Add(int content, int block)
        {
            if (Content[block] < 0 && !Content.Contains(content))
            {
                Content[block] = content;
            }
        }
    }
}
