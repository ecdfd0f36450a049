using OrleansLLM.Testing.Contract;

namespace OrleansLLM.Compute.Cpu.Tests;

[CollectionDefinition(nameof(AllocationTests), DisableParallelization = true)]
public sealed class AllocationTestsRunAlone;

/// <summary>After a warm-up, the whole list of a step's operations allocates nothing, on any thread.</summary>
[Collection(nameof(AllocationTests))]
public sealed class AllocationTests
{
    private const int Width = 64;
    private const int Vocabulary = 500;

    [Fact]
    public void Operations_allocate_no_managed_memory_after_warm_up()
    {
        using var device = TestDevices.Create(1);
        using var step = new Step(device, 40);
        step.Run();
        step.Run();
        var before = GC.GetAllocatedBytesForCurrentThread();
        step.Run();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void Workers_allocate_no_managed_memory_after_warm_up()
    {
        using var device = TestDevices.Create(3);
        using var step = new Step(device, 40);
        step.Run();
        step.Run();
        // The runner's own threads, and the count itself, allocate now and then: a quiet run must come.
        var fewest = long.MaxValue;
        for (var i = 0; i < 200 && fewest > 0; i++)
        {
            var before = GC.GetTotalAllocatedBytes(true);
            var counting = GC.GetTotalAllocatedBytes(true) - before;
            var start = GC.GetTotalAllocatedBytes(true);
            step.Run();
            fewest = Math.Min(fewest, GC.GetTotalAllocatedBytes(true) - start - counting);
        }

        Assert.True(fewest <= 0, $"{fewest} bytes");
    }

    private sealed class Step : IDisposable
    {
        private readonly CpuDevice _device;
        private readonly int _rows;
        private readonly Weight _mixed;
        private readonly Weight _gateUp;
        private readonly ExpertWeights _expertGateUp;
        private readonly ExpertWeights _expertDown;
        private readonly NormWeight _norm;
        private readonly KvCache _cache;
        private readonly HostBlocks _host;
        private readonly AttentionShape _shape = new(4, 2, 16, 16, 0.25f);
        private readonly AttentionPlan _plan = new(1, 3) { BlockSize = 16, Sequences = 1 };
        private readonly RopePlan _rope;
        private readonly ExpertPlan _experts;
        private readonly SamplingPlan _sampling;
        private readonly LogprobResult _logprobs;
        private readonly Tensor _x;
        private readonly Tensor _qkv;
        private readonly Tensor _wide;
        private readonly Tensor _logits;
        private readonly Tensor _router;
        private readonly int[] _ids;

        public Step(CpuDevice device, int rows)
        {
            var random = new Random(61);
            LinearSource Source(string format, int outputs) => new(Arrange.Weights(random, WeightFormats.Find(format)!, outputs, Width));
            (_device, _rows) = (device, rows);
            _mixed = device.Load(new LinearSource([
                Arrange.Weights(random, WeightFormats.Find("Q4_0")!, 64, Width), Arrange.Weights(random, WeightFormats.Find("Q8_0")!, 64, Width)], default));
            _gateUp = device.Load(Source("Q8_0", Vocabulary));
            _expertGateUp = device.LoadExperts([Source("Q4_1", 2 * Width), Source("Q4_1", 2 * Width), Source("Q4_1", 2 * Width)]);
            _expertDown = device.LoadExperts([Source("BF16", Width), Source("BF16", Width), Source("BF16", Width)]);
            _norm = device.LoadNorm(NormKind.Rms, 1e-5f, Arrange.Numbers(random, Width), []);
            var geometry = new KvGeometry(16, 1, 2, 16, 16, ElementType.BFloat16);
            (_cache, _host) = (device.AllocateKv(geometry, 4), device.AllocateHostBlocks(geometry, 1));
            (_plan.QueryStarts[1], _plan.TableStarts[1]) = (rows, 3);
            (_plan.BlockTables[0], _plan.BlockTables[1], _plan.BlockTables[2]) = (2, 0, 1);
            (_rope, _experts) = (new RopePlan(rows, 8) { Rows = rows }, new ExpertPlan(rows, 2));
            (_sampling, _logprobs) = (Sampling(rows), new LogprobResult(rows, 5));
            (_x, _qkv) = (device.Allocate(rows, Width), device.Allocate(rows, 128));
            (_wide, _logits, _router) = (device.Allocate(rows, 2 * Width), device.Allocate(rows, Vocabulary), device.Allocate(rows, 3));
            _ids = new int[rows];
        }

        public void Run()
        {
            _device.Embed(_ids, _gateUp, 1, _x);
            _device.Linear(_x, _mixed, _qkv);
            _device.RotateAndStore(_qkv, _shape, null, null, _rope, _plan, new KvLayer(_cache, 0));
            _device.Attend(_qkv.SliceColumns(0, 64), _shape, _plan, new KvLayer(_cache, 0), _x);
            _device.AddNorm(_x, _x, _norm, _x);
            _device.Linear(_x, _mixed, _wide);
            _device.ActivateGated(_wide, Activation.Silu, _x);
            _device.Route(_router, new RoutingShape(3, 2, RoutingScore.SoftmaxRenormalized), _experts);
            _device.ExpertMlp(_x, _expertGateUp, _expertDown, Activation.GeluTanh, _experts, _x);
            _device.Logits(_x, _ids, _gateUp, 30, _logits);
            _device.Sample(_logits, _sampling, _ids);
            _device.Logprobs(_logits, _ids, _sampling.TopK.AsSpan(0, _rows), 0, _logprobs);
            _ids.AsSpan().Clear();
            _device.CopyBlocks(_cache, [new BlockCopy(0, 3, 5)]);
            _device.MoveToHost(_cache, _host, [new BlockMove(0, 0)]);
            _device.MoveFromHost(_cache, _host, [new BlockMove(0, 0)]);
        }

        public void Dispose()
        {
            foreach (var memory in new DeviceMemory[] { _mixed, _gateUp, _expertGateUp, _expertDown, _norm, _cache, _host })
            {
                memory.Dispose();
            }
        }

        private static SamplingPlan Sampling(int rows)
        {
            var plan = new SamplingPlan(rows) { Rows = rows };
            for (var row = 0; row < rows; row++)
            {
                (plan.Temperature[row], plan.TopP[row], plan.TopK[row], plan.RepetitionPenalty[row]) = (row % 3, 0.9f, row % 5, 1.1f);
                plan.Seen.Add(row, 1);
                plan.Bias.EndRow();
                plan.Seen.EndRow();
                plan.Allowed.EndRow();
            }

            return plan;
        }
    }
}
