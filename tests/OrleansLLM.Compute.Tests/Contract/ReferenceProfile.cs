using OrleansLLM.Testing;
using OrleansLLM.Testing.Contract;

namespace OrleansLLM.Compute.Tests.Contract;

/// <summary>The reference device itself: no distance at all.</summary>
internal sealed class ReferenceProfile : DeviceProfile
{
    public override BatchDeterminism Determinism => BatchDeterminism.RowsIndependent;

    public override double NormTolerance => 0;

    public override double ActivationTolerance => 0;

    public override double ExpertTolerance => 0;

    public override double LogprobTolerance => 0;

    public override double DrawTolerance => 0;

    public override IDevice Create(Arithmetic arithmetic, int threads) => new ReferenceDevice();

    public override double LinearTolerance(WeightFormat format, Arithmetic arithmetic) => 0;

    public override double AttentionTolerance(ElementType cache) => 0;
}
