using OrleansLLM.Compute;

namespace OrleansLLM.Testing.Contract;

/// <summary>
/// What a device's test project brings to the contract: how its device is made, what it promises, and how far its results may be from
/// <see cref="ReferenceDevice"/>'s, as shares of a result's largest number.
/// </summary>
public abstract class DeviceProfile
{
    /// <summary>What the device must say of itself; rows that are promised to be independent are compared bit for bit.</summary>
    public abstract BatchDeterminism Determinism { get; }

    /// <summary>Of norms and sums.</summary>
    public abstract double NormTolerance { get; }

    public abstract double ActivationTolerance { get; }

    /// <summary>Of routed experts with F32 weights.</summary>
    public abstract double ExpertTolerance { get; }

    public abstract double LogprobTolerance { get; }

    /// <summary>How far a draw may be off among the probabilities, and a cut among its limit; 0 = the reference's token, always.</summary>
    public abstract double DrawTolerance { get; }

    /// <summary>A device for the caller alone, who disposes it.</summary>
    /// <param name="threads">How many compute at once, where a device can be told.</param>
    public abstract IDevice Create(Arithmetic arithmetic = Arithmetic.Auto, int threads = 2);

    /// <summary>Of linears and logits.</summary>
    public abstract double LinearTolerance(WeightFormat format, Arithmetic arithmetic);

    /// <param name="cache">What keys and values are rounded to.</param>
    public abstract double AttentionTolerance(ElementType cache);
}
