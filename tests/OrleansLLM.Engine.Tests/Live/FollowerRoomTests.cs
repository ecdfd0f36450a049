using OrleansLLM.Sequences;

namespace OrleansLLM.Engine.Tests;

/// <summary>Answers beside the first that wait for its prompt: what they cost until they start, and that they start as if they had cost it.</summary>
public sealed class FollowerRoomTests
{
    private static readonly SamplingParameters Penalized = new() { Temperature = 0, RepetitionPenalty = 1.3f, FrequencyPenalty = 0.5f, Logprobs = 3 };

    [Fact]
    public void A_hundred_answers_to_a_long_prompt_cost_a_waiting_engine_little_more_than_one()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(2000) with { MaxSequences = 128 }, [0]);
        var one = Cost(fixture, answers: 1);
        var many = Cost(fixture, answers: 128);
        Assert.InRange(one, 60_000, 400_000); // 3,000 ids, their counts, their blocks' hashes, and 256 log probabilities
        Assert.InRange(many - one, 1, 127 * 2048);
    }

    [Fact]
    public void They_have_their_room_when_they_start()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(200) with { MaxSequences = 3 }, [0]);
        var ids = fixture.Submit(Request(count: 40, answers: 5));
        Assert.Equal([true, false, false, false, false], ids.Select(id => fixture.Core.Find(id)!.HasRoom));
        fixture.Step();
        Assert.Equal([true, false, false, false, false], ids.Select(id => fixture.Core.Find(id)!.HasRoom));
        fixture.Step();
        fixture.Step();
        Assert.Equal([true, true, true, false, false], ids.Select(id => fixture.Core.Find(id)!.HasRoom));
        fixture.RunToRest();
        Assert.All(ids, id => Assert.Equal(FinishReason.Length, fixture.Answers[id].End!.Reason));
    }

    [Fact]
    public void One_that_is_changed_forked_or_succeeds_the_first_before_it_started_goes_on_as_any_other()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(200) with { MaxSequences = 5 }, [0]);
        var ids = fixture.Submit(Request(count: 40, answers: 4));
        fixture.Step();
        fixture.Change(ids[1], new SequenceChange(Sampling: Penalized with { PresencePenalty = 1 }));
        fixture.Change(ids[2], new SequenceChange(MaxTokens: 3));
        var child = fixture.Fork(fixture.Core.Find(ids[3])!, 30, 9);
        fixture.Abort(ids[0]);
        fixture.RunToRest();
        Assert.Equal([6, 3, 6], ids.Skip(1).Select(id => fixture.Answers[id].Tokens.Count - 40));
        Assert.Equal(FinishReason.Length, fixture.Answers[child].End!.Reason);
    }

    private static long Cost(CoreFixture fixture, int answers)
    {
        var attempt = new Attempt(Request(3000, answers), CoreFixture.Epoch(1), Journal.Begin(Request(3000, answers)).Sequences);
        var before = GC.GetAllocatedBytesForCurrentThread();
        var sequences = fixture.Core.Prepare(attempt);
        var cost = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.Equal(answers, sequences.Length);
        return cost;
    }

    private static GenerationRequest Request(int count, int answers) =>
        CoreFixture.Request([.. Enumerable.Range(0, count).Select(i => i % 32)], 6) with { Samples = answers, Sampling = Penalized };
}
