using System.Text.Json;
using OrleansLLM.Cli.Chaos;

namespace OrleansLLM.Cli.Tests.Chaos;

/// <summary>What counts as lost, twice, wrong and failed.</summary>
public sealed class ChaosAnswerTests
{
    private static readonly string[] Words = ["One ", "two ", "three ", "four "];

    [Fact]
    public void The_same_tokens_in_other_events_are_the_same() => Assert.Equal(Verdict.Same, Judge(["One two ", "three ", "four "]));

    [Fact]
    public void A_hole_and_a_missing_end_are_lost()
    {
        Assert.Equal(Verdict.Lost, Judge(["One ", "three ", "four "]));
        Assert.Equal(Verdict.Lost, Judge(["One ", "two "]));
        Assert.Equal(Verdict.Lost, Judge(Words, finishReason: null));
        Assert.Equal(Verdict.Lost, Judge([]));
    }

    [Fact]
    public void A_part_that_stands_twice_is_a_duplicate()
    {
        Assert.Equal(Verdict.Duplicate, Judge(["One ", "two ", "two ", "three ", "four "]));
        Assert.Equal(Verdict.Duplicate, Judge([.. Words, .. Words]));
        Assert.Equal(Verdict.Duplicate, Judge([.. Words, "four "]));
    }

    [Fact]
    public void Another_text_another_end_or_another_log_probability_is_wrong()
    {
        Assert.Equal(Verdict.Wrong, Judge(["One ", "2 ", "three ", "four "]));
        Assert.Equal(Verdict.Wrong, Judge(Words, "stop"));
        Assert.Equal(Verdict.Wrong, Judge(Words, logprob: -2));
    }

    [Fact]
    public void An_event_that_comes_again_is_a_duplicate_though_its_text_is_none()
    {
        var answer = Answer(Words);
        answer.Add("x:0", Chunk("", null, -1, "answer"));
        Assert.Equal([Verdict.Duplicate], answer.Compare(Answer(Words)));
        Assert.Contains("1 events came twice", answer.Difference(Answer(Words)), StringComparison.Ordinal);
    }

    [Fact]
    public void Another_id_is_wrong_and_a_failure_failed()
    {
        var answer = Answer(Words);
        answer.Add("y", Chunk("", null, -1, "another"));
        Assert.Equal([Verdict.Wrong], answer.Compare(Answer(Words)));
        answer.Failure = "no";
        Assert.Equal([Verdict.Failed], answer.Compare(Answer(Words)));
        Assert.Equal("no", answer.Difference(Answer(Words)));
    }

    private static Verdict Judge(string[] texts, string? finishReason = "length", double logprob = -1) =>
        Answer(texts, finishReason, logprob).Compare(Answer(Words)).Single();

    private static ChaosAnswer Answer(string[] texts, string? finishReason = "length", double logprob = -1)
    {
        var answer = new ChaosAnswer(1);
        for (var i = 0; i < texts.Length; i++)
        {
            answer.Add(FormattableString.Invariant($"x:{i}"), Chunk(texts[i], i == texts.Length - 1 ? finishReason : null, logprob, "answer"));
        }

        return answer;
    }

    /// <summary>A log probability a word.</summary>
    private static JsonElement Chunk(string text, string? finishReason, double logprob, string id)
    {
        var words = text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return JsonSerializer.SerializeToElement(new
        {
            id,
            choices = new[]
            {
                new { index = 0, text, finish_reason = finishReason, logprobs = new { tokens = words, token_logprobs = words.Select(_ => logprob) } },
            },
        });
    }
}
