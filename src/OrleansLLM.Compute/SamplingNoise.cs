namespace OrleansLLM.Compute;

/// <summary>
/// f(seed, sample, position): the only randomness of sampling, so a token does not depend on what else runs. The mixing is
/// SplitMix64's finalizer (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014), once a field.
/// </summary>
public static class SamplingNoise
{
    /// <summary>A number in [0, 1) with 53 random bits.</summary>
    public static double Uniform(ulong seed, int sample, int position)
    {
        var bits = Mix(Mix(Mix(seed) ^ (uint)sample) ^ (uint)position);
        return (bits >> 11) * (1.0 / (1UL << 53));
    }

    private static ulong Mix(ulong value)
    {
        value += 0x9E3779B97F4A7C15;
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        return value ^ (value >> 31);
    }
}
