using OrleansLLM.Compute.Cpu.Elementwise;
using OrleansLLM.Compute.Cpu.Linears;
using OrleansLLM.Compute.Cpu.Memory;
using OrleansLLM.Compute.Cpu.Simd;
using OrleansLLM.Compute.Cpu.Threads;

namespace OrleansLLM.Compute.Cpu.Experts;

/// <summary>The operands of an expert MLP.</summary>
internal readonly record struct ExpertCall(
    RowPointers X, int Rows, CpuExpertWeights GateUp, CpuExpertWeights Down, Activation Activation, ExpertPlan Plan);

/// <summary>
/// Runs each expert once, on all rows that chose it; its outputs go to a place for each (row, rank), and rows add theirs in rank order.
/// </summary>
internal sealed unsafe class ExpertRunner<TSimd, TVector>(int threads) : IDisposable
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    private readonly Multiplier<TSimd, TVector> _multiplier = new(threads);
    private readonly Scratch _gateUp = new();
    private readonly Scratch _outputs = new();
    private readonly Scratch _index = new();

    public void Run(in ExpertCall call, RowPointers to)
    {
        var (columns, selected) = (call.Down.Outputs, call.Plan.Selected);
        var choices = call.Rows * selected;
        var outputs = (float*)_outputs.Take((long)choices * columns * sizeof(float));
        var rows = (int*)_index.Take(2L * choices * sizeof(int));
        var places = rows + choices;
        var first = 0;
        for (var expert = 0; expert < call.GateUp.Experts; expert++)
        {
            var count = Gather(call, expert, first, rows, places);
            RunExpert(call, expert, count, rows, outputs + ((long)first * columns));
            first += count;
        }

        var job = new MixJob<TSimd, TVector>(call.Plan, places, outputs, columns, to);
        ThreadTeam.Shared.Run(ref job, call.Rows, SmallWork.Threads((long)choices * columns, threads));
    }

    public void Dispose()
    {
        _multiplier.Dispose();
        _gateUp.Dispose();
        _outputs.Dispose();
        _index.Dispose();
    }

    /// <summary>Lists the rows of an expert, and for each (row, rank) where its output will stand.</summary>
    private static int Gather(in ExpertCall call, int expert, int first, int* rows, int* places)
    {
        var count = 0;
        for (var choice = 0; choice < call.Rows * call.Plan.Selected; choice++)
        {
            if (call.Plan.Ids[choice] == expert)
            {
                rows[count] = choice / call.Plan.Selected;
                places[choice] = first + count++;
            }
        }

        return count;
    }

    private void RunExpert(in ExpertCall call, int expert, int count, int* rows, float* outputs)
    {
        if (count == 0)
        {
            return;
        }

        var (hidden, columns) = (call.Down.Inputs, call.Down.Outputs);
        var gateUp = new RowPointers((float*)_gateUp.Take(2L * count * hidden * sizeof(float)), 2 * hidden);
        var stride = call.X.Row(1) - call.X.Row(0);
        _multiplier.Run(new InputRows(call.X.Row(0), stride, count, rows), call.GateUp[expert], gateUp.Row(0), 2 * hidden);
        ActivationRows<TSimd, TVector>.Gate(gateUp, call.Activation, gateUp, hidden, count, threads);
        _multiplier.Run(new InputRows(gateUp.Row(0), 2 * hidden, count, null), call.Down[expert], outputs, columns);
    }
}

/// <summary>to[row] = Σ weight · output over the row's ranks, in order.</summary>
internal readonly unsafe struct MixJob<TSimd, TVector>(ExpertPlan plan, int* places, float* outputs, int columns, RowPointers to) : IJob
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    public void Run(int item, int worker)
    {
        var row = to.Row(item);
        new Span<float>(row, columns).Clear();
        for (var choice = item * plan.Selected; choice < (item + 1) * plan.Selected; choice++)
        {
            ElementwiseLoop<AddScaledFunction<TSimd, TVector>, TSimd, TVector>.Run(
                new(plan.Weights[choice]), outputs + ((long)places[choice] * columns), row, row, columns);
        }
    }
}
