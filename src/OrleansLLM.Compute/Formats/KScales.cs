namespace OrleansLLM.Compute.Formats;

/// <summary>
/// The eight 6-bit scales and eight 6-bit minimums of a Q4_K or Q5_K block in 12 bytes: the first four of each are the low six bits of
/// bytes 0 to 3 and 4 to 7; of the last four the low four bits share bytes 8 to 11, the high two lie on top of bytes 0 to 7.
/// </summary>
internal static class KScales
{
    public static int Scale(ReadOnlySpan<byte> scales, int group) => group < 4
        ? scales[group] & 63
        : (scales[group + 4] & 15) | (scales[group - 4] >> 6 << 4);

    public static int Minimum(ReadOnlySpan<byte> scales, int group) => group < 4
        ? scales[group + 4] & 63
        : (scales[group + 4] >> 4) | (scales[group] >> 6 << 4);
}
