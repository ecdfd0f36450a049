namespace OrleansLLM.Cluster;

/// <summary>
/// Numbers the lives of workers: a later one of the same name has a higher number, also in the same silo, and those of different workers differ,
/// also where their silos started in the same second.
/// <code>
/// | silo's generation (seconds) | silo's address and device, 24 bits | engines before on that device, 8 bits |
/// </code>
/// </summary>
internal static class Incarnation
{
    public static long Of(SiloAddress silo, int device, int before) =>
        ((long)silo.Generation << 32) | ((uint)HashCode(silo, device) << 8) | (byte)before;

    private static int HashCode(SiloAddress silo, int device) => (silo.GetConsistentHashCode() + (device * 0x61C88647)) & 0xFF_FFFF;
}
