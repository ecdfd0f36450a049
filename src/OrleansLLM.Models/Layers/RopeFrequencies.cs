using OrleansLLM.Models.Configuration;

namespace OrleansLLM.Models.Layers;

/// <summary>The rotary frequencies of every scaling, as transformers' modeling_rope_utils defines them.</summary>
internal static class RopeFrequencies
{
    /// <summary>Writes the frequency of each pair, in radians a position.</summary>
    /// <param name="length">What dynamic scaling takes its base from; nothing elsewhere.</param>
    public static void Fill(RopeConfig rope, int length, Span<float> to)
    {
        var theta = rope.Scaling == RopeScaling.Dynamic ? DynamicTheta(rope, length) : rope.Theta;
        for (var i = 0; i < to.Length; i++)
        {
            var frequency = 1 / Math.Pow(theta, 2.0 * i / rope.Width);
            to[i] = (float)(rope.Scaling switch
            {
                RopeScaling.Linear => frequency / rope.Factor,
                RopeScaling.Yarn => Yarn(rope, frequency, i),
                RopeScaling.Llama3 => Llama3(rope, frequency),
                _ => frequency,
            });
            to[i] = rope.Divisors.Length == 0 ? to[i] : to[i] / rope.Divisors[i];
        }
    }

    /// <summary>The base grows with the sequence ("NTK-aware" scaling, made dynamic).</summary>
    private static double DynamicTheta(RopeConfig rope, int length)
    {
        var stretch = (rope.Factor * Math.Max(length, rope.OriginalLength) / rope.OriginalLength) - (rope.Factor - 1);
        return rope.Theta * Math.Pow(stretch, rope.Width / (rope.Width - 2.0));
    }

    /// <summary>Peng et al. 2023, arXiv 2309.00071, section 3.2: fast pairs stay, slow ones are interpolated, a ramp lies between.</summary>
    private static double Yarn(RopeConfig rope, double frequency, int pair)
    {
        double Correction(double rotations) =>
            rope.Width * Math.Log(rope.OriginalLength / (rotations * 2 * Math.PI)) / (2 * Math.Log(rope.Theta));

        var (low, high) = (Correction(rope.BetaFast), Correction(rope.BetaSlow));
        (low, high) = rope.Truncate ? (Math.Floor(low), Math.Ceiling(high)) : (low, high);
        (low, high) = (Math.Max(low, 0), Math.Min(high, rope.Width - 1));
        high = low == high ? high + 0.001 : high;
        var interpolated = Math.Clamp((pair - low) / (high - low), 0, 1);
        return (frequency / rope.Factor * interpolated) + (frequency * (1 - interpolated));
    }

    /// <summary>Llama 3.1: long waves are interpolated, short ones stay, a smooth blend lies between.</summary>
    private static double Llama3(RopeConfig rope, double frequency)
    {
        var wave = 2 * Math.PI / frequency;
        if (wave < rope.OriginalLength / rope.HighFrequencyFactor)
        {
            return frequency;
        }

        if (wave > rope.OriginalLength / rope.LowFrequencyFactor)
        {
            return frequency / rope.Factor;
        }

        var smooth = ((rope.OriginalLength / wave) - rope.LowFrequencyFactor) / (rope.HighFrequencyFactor - rope.LowFrequencyFactor);
        return ((1 - smooth) * frequency / rope.Factor) + (smooth * frequency);
    }
}
