using OrleansLLM.Compute;
using OrleansLLM.Testing;

namespace OrleansLLM.Models.Tests;

public class StepAllocationTests
{
    [Fact]
    public void A_step_allocates_nothing_after_warm_up()
    {
        const int Rows = 8;
        using var file = ModelFile.Open(ReferenceData.Atlas);
        using var device = TestDevices.Create();
        using var model = file.Load(device, new(Rows, 16, ElementType.BFloat16));
        using var cache = device.AllocateKv(model.Facts.Cache.Geometry, 8);
        model.Attach(cache);
        var batch = Batch(Rows);
        var rows = new int[] { Rows - 1 };
        var logits = device.Allocate(1, model.Facts.VocabularySize);
        long allocated = 0;
        for (var step = 0; step < 4; step++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            model.Forward(batch);
            model.Logits(rows, logits);
            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        }

        Assert.Equal(0, allocated);
    }

    private static ForwardBatch Batch(int rows)
    {
        var batch = new ForwardBatch(rows, 1, 1, 1) { Rows = rows };
        for (var row = 0; row < rows; row++)
        {
            (batch.TokenIds[row], batch.Positions[row], batch.RopeLengths[row]) = (row + 5, row, rows);
        }

        var plan = batch.Plans[0];
        (plan.BlockSize, plan.Sequences, plan.QueryStarts[1], plan.TableStarts[1], plan.BlockTables[0]) = (16, 1, rows, 1, 3);
        return batch;
    }
}
