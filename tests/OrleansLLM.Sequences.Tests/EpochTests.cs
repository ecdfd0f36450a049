namespace OrleansLLM.Sequences.Tests;

public sealed class EpochTests
{
    [Fact]
    public void The_next_epoch_is_later_whoever_draws_it()
    {
        var random = new Random(3);
        var epoch = Epoch.First(random.Next(int.MinValue, int.MaxValue));
        for (var attempt = 1; attempt < 1000; attempt++)
        {
            Assert.Equal(attempt, epoch.Attempt);
            var next = epoch.Next(random.Next(int.MinValue, int.MaxValue));
            Assert.True(next > epoch && epoch < next && next >= epoch && epoch <= next && next.CompareTo(epoch) > 0);
            epoch = next;
        }
    }

    [Fact]
    public void Two_who_go_on_from_the_same_epoch_draw_different_ones()
    {
        var epoch = Epoch.First(1);
        Assert.NotEqual(epoch.Next(2), epoch.Next(-2));
        Assert.Equal(epoch.Next(2), epoch.Next(2));
        Assert.Equal(0, epoch.Next(7).CompareTo(epoch.Next(7)));
    }
}
