using Microsoft.Extensions.Time.Testing;

namespace OrleansLLM.Engine.Tests;

/// <summary>How long a refused client is told to wait.</summary>
public sealed class QueuePaceTests
{
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void A_place_takes_as_long_as_places_took_since_the_queue_was_empty()
    {
        var pace = new QueuePace(_time);
        _time.Advance(TimeSpan.FromMinutes(1));
        pace.Note(departed: 100, waiting: 0);
        _time.Advance(TimeSpan.FromSeconds(6));
        Assert.Equal(TimeSpan.FromSeconds(6), pace.UntilNextPlace);
        pace.Note(departed: 103, waiting: 5);
        Assert.Equal(TimeSpan.FromSeconds(2), pace.UntilNextPlace);
        pace.Note(departed: 108, waiting: 0);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(TimeSpan.FromSeconds(1), pace.UntilNextPlace);
    }
}
