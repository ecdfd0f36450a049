using Microsoft.Extensions.Time.Testing;

namespace OrleansLLM.Cluster.Tests;

public sealed class SuspectSeatTests
{
    private static readonly RequestId First = new(0, 1);
    private static readonly RequestId Second = new(0, 2);
    private static readonly RequestId Third = new(0, 3);

    private readonly FakeTimeProvider _time = new();
    private readonly SuspectSeat _seat;

    public SuspectSeatTests() => _seat = new SuspectSeat(_time);

    [Fact]
    public async Task One_at_a_time_in_the_order_in_which_they_came()
    {
        Assert.True(await TakeAsync(First));
        var (second, third) = (TakeAsync(Second), TakeAsync(Third));
        Assert.True(_seat.IsHeldBy(First));
        _seat.Leave(Second);
        Assert.False(second.IsCompleted);

        _seat.Leave(First);
        Assert.True(await second);
        Assert.True(_seat.IsHeldBy(Second));
        Assert.False(third.IsCompleted);
        _seat.Leave(Second);
        Assert.True(await third);
        _seat.Leave(Third);
        Assert.False(_seat.IsHeldBy(Third));
    }

    [Fact]
    public async Task Who_holds_it_takes_it_again()
    {
        Assert.True(await TakeAsync(First));
        Assert.True(await TakeAsync(First));
    }

    [Fact]
    public async Task Who_waited_in_vain_is_passed_over()
    {
        Assert.True(await TakeAsync(First));
        var (second, third) = (TakeAsync(Second), TakeAsync(Third, seconds: 20));
        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.False(await second);

        _seat.Leave(First);
        Assert.True(await third);
    }

    [Fact]
    public async Task Who_asks_again_within_five_seconds_keeps_its_place()
    {
        Assert.True(await TakeAsync(First));
        _seat.Arrive(First);
        var (second, third) = (TakeAsync(Second), TakeAsync(Third, seconds: 60));
        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.False(await second);
        _time.Advance(TimeSpan.FromSeconds(4));
        second = TakeAsync(Second);
        _seat.Leave(First);
        Assert.True(await second);
        _seat.Leave(Second);
        Assert.True(await third);
    }

    [Fact]
    public async Task Who_does_not_ask_again_has_lost_its_place()
    {
        Assert.True(await TakeAsync(First));
        _seat.Arrive(First);
        var (second, third) = (TakeAsync(Second), TakeAsync(Third, seconds: 60));
        _time.Advance(TimeSpan.FromSeconds(8));
        Assert.False(await second);
        var fourth = TakeAsync(new RequestId(0, 4));
        second = TakeAsync(Second);
        _seat.Leave(First);
        Assert.True(await third);
        _seat.Leave(Third);
        Assert.True(await fourth);
        _seat.Leave(new RequestId(0, 4));
        Assert.True(await second);
    }

    [Fact]
    public async Task A_seat_that_was_taken_for_a_request_that_never_came_is_free_after_five_seconds()
    {
        Assert.True(await TakeAsync(First));
        var second = TakeAsync(Second, seconds: 20);
        _time.Advance(TimeSpan.FromSeconds(5));
        Assert.True(await second);
        _seat.Arrive(Second);
        _time.Advance(TimeSpan.FromMinutes(1));
        var third = TakeAsync(Third);
        Assert.False(third.IsCompleted);
        _seat.Arrive(First);
        Assert.True(_seat.IsHeldBy(Second));
    }

    private Task<bool> TakeAsync(RequestId request, int seconds = 2) => _seat.TakeAsync(request, TimeSpan.FromSeconds(seconds));
}
