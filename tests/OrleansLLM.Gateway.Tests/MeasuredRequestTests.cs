using OrleansLLM.Gateway.Metrics;

namespace OrleansLLM.Gateway.Tests;

public sealed class MeasuredRequestTests
{
    private readonly MeasuredRequest _request = new(samples: 2, arrival: 7);

    [Fact]
    public void A_prompt_and_an_answer_count_once()
    {
        Assert.Equal([true, false], new[] { _request.TryCountPrompt(), _request.TryCountPrompt() });
        Assert.Equal([true, false], new[] { _request.TryCountAnswer(), _request.TryCountAnswer() });
    }

    [Fact]
    public void Only_the_last_reader_leaves_an_answer_that_has_not_ended_alone()
    {
        _request.Enter(0);
        _request.Enter(0);
        _request.Enter(1);
        Assert.Equal([false, true, true], new[] { _request.Leave(0), _request.Leave(0), _request.Leave(1) });
        _request.Enter(0);
        _request.End(0);
        Assert.False(_request.Leave(0));
    }
}
