using OrleansLLM.Testing.Contract;

namespace OrleansLLM.Compute.Cpu.Tests;

/// <summary>The CPU device's side of the contract.</summary>
internal sealed class CpuProfile : DeviceProfile
{
    public static CpuProfile Instance { get; } = new();

    public override BatchDeterminism Determinism => BatchDeterminism.RowsIndependent;

    public override double NormTolerance => 2e-6;

    public override double ActivationTolerance => 2e-6;

    public override double ExpertTolerance => 1e-5;

    public override double LogprobTolerance => 1e-6;

    public override double DrawTolerance => 0;

    public override IDevice Create(Arithmetic arithmetic, int threads) => TestDevices.Create(threads, arithmetic);

    /// <summary>The default arithmetic rounds activations to 8 bits, or to 16 where a format's products have the room.</summary>
    public override double LinearTolerance(WeightFormat format, Arithmetic arithmetic) =>
        arithmetic == Arithmetic.Float32 || format.BlockElements == 1 ? 1e-5
        : format.Name is "Q5_0" or "Q5_1" or "Q5_K" or "Q8_0" ? 1e-4
        : 2e-2;

    /// <summary>A key on the edge of two bfloat16 numbers may round the other way.</summary>
    public override double AttentionTolerance(ElementType cache) => cache == ElementType.Float32 ? 2e-5 : 4e-3;
}
