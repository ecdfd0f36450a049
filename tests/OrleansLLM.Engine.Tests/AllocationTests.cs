using System.Text.Json;

namespace OrleansLLM.Engine.Tests;

/// <summary>
/// Managed bytes that the step's thread allocates, compared with expected-allocations.json: a rise fails, a fall is to be committed there.
/// </summary>
public class AllocationTests
{
    private const int Steps = 400;

    private static readonly Dictionary<string, long> Expected = JsonSerializer.Deserialize<Dictionary<string, long>>(
        File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "expected-allocations.json")))!;

    [Fact]
    public void A_step_allocates_what_is_written_down()
    {
        Assert.Equal(Expected["EngineCore.Step, 6 sequences decode"], Measure(new NullSink()));
    }

    [Fact]
    public void Publishing_a_step_allocates_at_most_what_is_written_down()
    {
        var delivered = 0;
        Assert.InRange(Measure(new StepMailbox(_ => delivered++)), 0, Expected["StepMailbox.OnStep, at most"]);
    }

    private static long Measure(IStepSink sink)
    {
        using var fixture = new CoreFixture(CoreFixture.Options(blocks: 4096) with { KvCacheBytes = 8192 * 4 * 8 }, [0, 16]);
        for (var i = 0; i < 6; i++)
        {
            var request = CoreFixture.Request([1, 2, 3, i], 2000);
            fixture.Core.Submit([new Sequence(request, 1, new AttemptSequence(new SequenceId(request.Id, 0), default), fixture.Core.Shape)], sink);
        }

        Step(fixture.Core, Steps);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Step(fixture.Core, Steps);
        return (GC.GetAllocatedBytesForCurrentThread() - before) / Steps;
    }

    private static void Step(EngineCore core, int count)
    {
        for (var i = 0; i < count; i++)
        {
            core.Step();
        }
    }

    private sealed class NullSink : IStepSink
    {
        public void OnStep(StepBatch batch)
        {
        }
    }
}
