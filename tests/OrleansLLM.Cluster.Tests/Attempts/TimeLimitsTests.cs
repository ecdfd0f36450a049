using Microsoft.Extensions.Time.Testing;

namespace OrleansLLM.Cluster.Tests;

public sealed class TimeLimitsTests
{
    private static readonly SequenceId Sequence = new(RequestId.Create(), 0);

    private static readonly GenerationRequest Request = new()
    {
        Id = Sequence.Request,
        Model = "model",
        PromptIds = new[] { 1 },
        MaxTokens = 1,
        Timeout = TimeSpan.FromSeconds(10),
        QueueTimeout = TimeSpan.FromSeconds(4),
    };

    private readonly FakeTimeProvider _time = new();
    private readonly TimeLimits _limits;

    public TimeLimitsTests() => _limits = new TimeLimits(_time);

    [Fact]
    public void A_request_is_submitted_again_with_what_is_left_of_its_time()
    {
        _limits.Begin([Sequence]);
        _time.Advance(TimeSpan.FromSeconds(3));
        var rest = _limits.Rest(Sequence, Request, hasTokens: false);
        Assert.Equal((TimeSpan.FromSeconds(7), TimeSpan.FromSeconds(1)), (rest.Timeout, rest.QueueTimeout));
        Assert.False(_limits.IsOver(Sequence, Request));

        _time.Advance(TimeSpan.FromSeconds(7));
        rest = _limits.Rest(Sequence, Request, hasTokens: false);
        Assert.Equal((TimeSpan.Zero, TimeSpan.Zero), (rest.Timeout, rest.QueueTimeout));
        Assert.True(_limits.IsOver(Sequence, Request));
    }

    [Fact]
    public void Who_has_tokens_queues_without_a_limit()
    {
        _limits.Begin([Sequence]);
        Assert.Null(_limits.Rest(Sequence, Request, hasTokens: true).QueueTimeout);
    }

    [Fact]
    public void Without_limits_nothing_is_over()
    {
        _limits.Begin([Sequence]);
        _time.Advance(TimeSpan.FromDays(1));
        var endless = Request with { Timeout = null, QueueTimeout = null };
        Assert.False(_limits.IsOver(Sequence, endless));
        Assert.Equal((null, null), (_limits.Rest(Sequence, endless, hasTokens: false).Timeout, _limits.Rest(Sequence, endless, hasTokens: false).QueueTimeout));
    }
}
