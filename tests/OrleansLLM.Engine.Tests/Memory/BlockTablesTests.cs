namespace OrleansLLM.Engine.Tests;

public sealed class BlockTablesTests
{
    private static readonly CacheShape Shape = CoreFixture.Shape(4, [0, 6]);

    [Fact]
    public void A_move_into_a_longer_room_keeps_blocks_and_hashes()
    {
        var tables = In(new SequenceRoom(12, Shape));
        PrefixHash[] hashes = [new(1, 2), new(3, 4), new(5, 6)];
        foreach (var hash in hashes)
        {
            var index = tables.Extend();
            tables.Replace(0, index, 10 + index);
            tables.Replace(1, index, 20 + index);
            tables.AddHash(hash);
        }

        tables.MarkGone(1, 0);
        var longer = new SequenceRoom(24, Shape);
        tables.MoveTo(longer);
        tables.Replace(0, tables.Extend(), 13);
        Assert.Equal([10, 11, 12, 13], tables.Blocks(0).ToArray());
        Assert.Equal([BlockTables.Gone, 21, 22], tables.Blocks(1)[..3].ToArray());
        Assert.Equal(hashes, tables.Hashes.ToArray());
        Assert.Equal((0, 1), (tables.FirstHeld(0), tables.FirstHeld(1)));
        Assert.Equal(13, longer.Blocks[0][3]);
    }

    [Fact]
    public void What_is_gone_ends_behind_the_last_one_that_was_marked()
    {
        var tables = In(new SequenceRoom(40, Shape));
        for (var i = 0; i < 5; i++)
        {
            tables.Replace(1, tables.Extend(), i);
        }

        tables.MarkGone(1, 2);
        tables.MarkGone(1, 0);
        Assert.Equal((3, 0), (tables.FirstHeld(1), tables.FirstHeld(0)));
        tables.Registered = 4;
        tables.Clear();
        Assert.Equal((0, 0, 0), (tables.FirstHeld(1), tables.Count, tables.Registered));
    }

    [Fact]
    public void A_child_takes_over_no_more_hashes_than_its_parent_has()
    {
        var (parent, child) = (In(new SequenceRoom(40, Shape)), In(new SequenceRoom(40, Shape)));
        parent.AddHash(new PrefixHash(1, 2));
        parent.AddHash(new PrefixHash(3, 4));
        child.CopyHashes(parent, 3);
        Assert.Equal(parent.Hashes.ToArray(), child.Hashes.ToArray());
        child.CopyHashes(parent, 1);
        Assert.Equal(new PrefixHash(1, 2), Assert.Single(child.Hashes.ToArray()));
    }

    private static BlockTables In(SequenceRoom room)
    {
        var tables = new BlockTables(Shape.Groups.Count);
        tables.MoveTo(room);
        return tables;
    }
}
