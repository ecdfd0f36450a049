using OrleansLLM.Testing.Contract;

namespace OrleansLLM.Compute.Tests.Contract;

/// <summary>A device that promises no bits and says how far off it may be.</summary>
/// <param name="variation">How far off it is.</param>
/// <param name="determinism">What its tests hold it to.</param>
internal sealed class VaryingProfile(double variation, BatchDeterminism determinism) : DeviceProfile
{
    /// <summary>Of everything but attention, where a key on the edge of two bfloat16 numbers may round the other way.</summary>
    public const double Tolerance = 2e-5;

    /// <summary>One that keeps to what it says.</summary>
    public static VaryingProfile Kept { get; } = new(Tolerance / 2, BatchDeterminism.RowsVaryWithBatch);

    public override BatchDeterminism Determinism => determinism;

    public override double NormTolerance => Tolerance;

    public override double ActivationTolerance => Tolerance;

    public override double ExpertTolerance => Tolerance;

    public override double LogprobTolerance => Tolerance;

    public override double DrawTolerance => Tolerance;

    public override IDevice Create(Arithmetic arithmetic, int threads) => new VaryingDevice(variation);

    public override double LinearTolerance(WeightFormat format, Arithmetic arithmetic) => Tolerance;

    public override double AttentionTolerance(ElementType cache) => cache == ElementType.Float32 ? Tolerance : 4e-3;
}
