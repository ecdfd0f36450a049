using System.Globalization;

namespace OrleansLLM.Models.Configuration;

/// <summary>How frequencies are stretched beyond the length that a model was trained with.</summary>
internal enum RopeScaling
{
    Default,
    Linear,
    Dynamic,
    Yarn,
    Llama3,
}

/// <summary>Rotary position embedding of a model.</summary>
/// <param name="Width">Numbers of a head that turn.</param>
/// <param name="OriginalLength">Positions before any stretching.</param>
internal sealed record RopeConfig(int Width, double Theta, RopeScaling Scaling, double Factor, int OriginalLength)
{
    /// <summary>Multiplies cosine and sine.</summary>
    public double AttentionFactor { get; init; } = 1;

    public double BetaFast { get; init; } = 32;

    public double BetaSlow { get; init; } = 1;

    /// <summary>Whether YaRN's correction range is cut to whole dimensions.</summary>
    public bool Truncate { get; init; } = true;

    public double LowFrequencyFactor { get; init; } = 1;

    public double HighFrequencyFactor { get; init; } = 4;

    /// <summary>Divides each frequency (GGUF's rope_freqs); empty for none.</summary>
    public float[] Divisors { get; init; } = [];

    /// <summary>Every number, as one text that is the same in every culture, unlike a record's own.</summary>
    public string Describe()
    {
        var divisors = string.Join(' ', Divisors.Select(divisor => BitConverter.SingleToInt32Bits(divisor).ToString(CultureInfo.InvariantCulture)));
        return string.Create(
            CultureInfo.InvariantCulture,
            $"RopeConfig {{ Width = {Width}, Theta = {Theta}, Scaling = {Scaling}, Factor = {Factor}, OriginalLength = {OriginalLength}, "
            + $"AttentionFactor = {AttentionFactor}, BetaFast = {BetaFast}, BetaSlow = {BetaSlow}, Truncate = {Truncate}, "
            + $"LowFrequencyFactor = {LowFrequencyFactor}, HighFrequencyFactor = {HighFrequencyFactor}, Divisors = System.Single[] }} {divisors}");
    }

    /// <summary>YaRN's mscale (Peng et al. 2023, arXiv 2309.00071, section 3.4).</summary>
    public static double YarnScale(double factor, double weight) => factor <= 1 ? 1 : (0.1 * weight * Math.Log(factor)) + 1;
}
