using OrleansLLM.Gateway.Metrics;

namespace OrleansLLM.Gateway.Tests;

public sealed class MeasuredRequestTests
{
    private readonly MeasuredRequest _request = new(samples: 2, arrival: 7);

    [Fact]
    public void A_token_counts_once_however_often_it_is_read()
    {
        Assert.Equal((5, 0), _request.Advance(0, 5));
        Assert.Equal((0, 5), _request.Advance(0, 3));
        Assert.Equal((2, 5), _request.Advance(0, 7));
        Assert.Equal((1, 0), _request.Advance(1, 1));
    }

    [Fact]
    public void A_prompt_an_answer_and_an_end_count_once()
    {
        Assert.Equal([true, false], new[] { _request.TryCountPrompt(), _request.TryCountPrompt() });
        Assert.Equal([true, false], new[] { _request.TryCountAnswer(), _request.TryCountAnswer() });
        Assert.Equal([true, false, true], new[] { _request.TryEnd(0), _request.TryEnd(0), _request.TryEnd(1) });
    }

    [Fact]
    public void Only_the_last_reader_leaves_an_answer_that_has_not_ended_alone()
    {
        _request.Enter(0);
        _request.Enter(0);
        _request.Enter(1);
        Assert.Equal([false, true, true], new[] { _request.Leave(0), _request.Leave(0), _request.Leave(1) });
        _request.Enter(0);
        _request.TryEnd(0);
        Assert.False(_request.Leave(0));
    }
}
