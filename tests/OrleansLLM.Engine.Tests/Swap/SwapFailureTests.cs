namespace OrleansLLM.Engine.Tests;

/// <summary>Transfers that a device fails at.</summary>
public class SwapFailureTests
{
    /// <summary>The n-th transfer fails where it starts, or where the device is asked whether it is complete.</summary>
    public static TheoryData<int, bool, int> Failures()
    {
        var failures = new TheoryData<int, bool, int>();
        foreach (var transfer in new[] { 1, 2, 3, 4 })
        {
            failures.Add(transfer, true, 0);
            failures.Add(transfer, true, 2);
            failures.Add(transfer, false, 0);
            failures.Add(transfer, false, 2);
        }

        return failures;
    }

    [Theory]
    [MemberData(nameof(Failures))]
    public void A_transfer_that_fails_ends_its_sequence_and_no_other(int transfer, bool atStart, int polls)
    {
        using var fixture = new CoreFixture(
            CoreFixture.Options(12) with { Preemption = PreemptionMode.Swap, MaxModelLength = 40 }, [0], transferPolls: polls);
        (fixture.Device.FailingStart, fixture.Device.FailingCompletion) = atStart ? ((int?)transfer, (int?)null) : (null, transfer);
        var sequences = Enumerable.Range(1, 4).Select(token => fixture.Submit(CoreFixture.Request([token, 3], 30))[0]).ToArray();
        for (var step = 0; !fixture.Core.IsIdle; step++)
        {
            Assert.True(step < 2000, $"{fixture.Core.Sequences.Count} sequences still run.");
            fixture.Step();
        }

        var failed = sequences.Where(sequence => fixture.Answers[sequence].End!.Reason == FinishReason.Failed).ToArray();
        Assert.Equal("Its blocks could not be moved to or from host memory: no such bus", fixture.Answers[Assert.Single(failed)].End!.Message);
        Assert.All(sequences.Except(failed), sequence => Assert.Equal(FinishReason.Length, fixture.Answers[sequence].End!.Reason));
        Assert.Equal("TransferFailed", Assert.Single(fixture.Log.GetSnapshot()).Id.Name);
        Assert.Null(fixture.Core.FindLeak());
        Assert.True(fixture.Core.Statistics.PreemptionsBySwap > 0);
    }

    [Fact]
    public void A_transfer_that_fails_behind_its_sequences_end_costs_nobody_anything()
    {
        using var fixture = new CoreFixture(
            CoreFixture.Options(12) with { Preemption = PreemptionMode.Swap, MaxModelLength = 40 }, [0], transferPolls: 3);
        var sequences = Enumerable.Range(1, 4).Select(token => fixture.Submit(CoreFixture.Request([token, 3], 30))[0]).ToArray();
        while (!fixture.Core.Swap.IsUnderWay)
        {
            fixture.Step();
        }

        var moving = fixture.Core.Sequences.Single(sequence => sequence.State == SequenceState.SwappingOut).Id;
        fixture.Abort(moving);
        fixture.Device.FailingCompletion = 1;
        fixture.RunToRest();
        Assert.All(sequences.Where(sequence => sequence != moving), sequence => Assert.Equal(FinishReason.Length, fixture.Answers[sequence].End!.Reason));
    }
}
