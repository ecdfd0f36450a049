using OrleansLLM.Compute;

namespace OrleansLLM.Testing.Contract;

/// <summary>
/// A part of what every device does, in terms of <see cref="ReferenceDevice"/>. A device's test project has a class a part, which
/// hands over the device's profile.
/// </summary>
public abstract class DeviceContract(DeviceProfile profile)
{
    protected static IReadOnlyList<Arithmetic> Arithmetics { get; } = [Arithmetic.Auto, Arithmetic.Float32];

    protected DeviceProfile Profile { get; } = profile;

    /// <summary>The same rows computed in other company: the same bits where the device promises it.</summary>
    /// <param name="tolerance">How far each of the two may be from the reference.</param>
    protected void AssertSameRows(float[] expected, float[] actual, double tolerance)
    {
        if (Profile.Determinism == BatchDeterminism.RowsIndependent)
        {
            Arrange.AssertSameBits(expected, actual);
        }
        else
        {
            Arrange.AssertClose(expected, actual, 2 * tolerance);
        }
    }
}
