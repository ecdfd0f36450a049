namespace OrleansLLM.Engine.Tests;

public sealed class LogprobRoomTests
{
    [Fact]
    public void A_room_is_made_only_where_log_probabilities_are_asked_for_and_no_longer_than_the_answer()
    {
        Assert.Null(LogprobRoom.For(new SamplingParameters(), 10));
        Assert.Equal(10, LogprobRoom.For(new SamplingParameters { Logprobs = 0 }, 10)!.Length);
        Assert.Equal(256, LogprobRoom.For(new SamplingParameters { Logprobs = 3 }, 5000)!.Length);
    }

    [Fact]
    public void What_was_published_stays_as_it_was()
    {
        var room = new LogprobRoom(3, 2);
        var first = room.Fill(0, -1.5f, 4, [7, 9], [-0.5f, -1]);
        var last = room.Fill(2, -3, 1, [5], [-0.25f]);
        var middle = room.Fill(1, -2, 2, [1, 2], [-0.75f, -2]);
        Check(first, -1.5f, 4, [7, 9], [-0.5f, -1]);
        Check(middle, -2, 2, [1, 2], [-0.75f, -2]);
        Check(last, -3, 1, [5], [-0.25f]);
    }

    [Fact]
    public void The_next_room_has_places_for_as_many_likely_tokens()
    {
        var next = new LogprobRoom(3, 2).Next();
        Assert.Equal(256, next.Length);
        Check(next.Fill(255, -1, 1, [3, 4], [-1, -2]), -1, 1, [3, 4], [-1, -2]);
    }

    private static void Check(TokenLogprobs actual, float logprob, int rank, int[] ids, float[] values)
    {
        Assert.Equal((logprob, rank), (actual.Logprob, actual.Rank));
        Assert.Equal(ids, actual.TopIds.ToArray());
        Assert.Equal(values, actual.TopLogprobs.ToArray());
    }
}
