using Microsoft.Extensions.Time.Testing;

namespace OrleansLLM.Cluster.Tests;

/// <summary>A silo that was stopped, and does not know it yet.</summary>
public sealed class SiloPulseTests
{
    private readonly FakeTimeProvider _time = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public void A_beat_may_come_a_second_late()
    {
        var pulse = new SiloPulse(_time);
        for (var i = 0; i < 5; i++)
        {
            _time.Advance(SiloPulse.Interval + TimeSpan.FromSeconds(1));
            Assert.False(pulse.HasStopped);
            Assert.True(pulse.WaitAsync(Cancellation).IsCompletedSuccessfully);
            pulse.Beat();
        }
    }

    [Fact]
    public async Task Who_comes_while_it_has_stopped_waits_for_the_next_beat()
    {
        var pulse = new SiloPulse(_time);
        pulse.Beat();
        _time.Advance(SiloPulse.Interval + TimeSpan.FromSeconds(1.001));
        Assert.True(pulse.HasStopped);
        var waiting = pulse.WaitAsync(Cancellation);
        Assert.False(waiting.IsCompleted);
        pulse.Beat();
        await waiting;
        Assert.False(pulse.HasStopped);
    }

    [Fact]
    public async Task Who_leaves_waits_no_longer()
    {
        var pulse = new SiloPulse(_time);
        _time.Advance(TimeSpan.FromSeconds(9));
        using var leaving = new CancellationTokenSource();
        var waiting = pulse.WaitAsync(leaving.Token);
        await leaving.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
    }
}
