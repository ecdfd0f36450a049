namespace OrleansLLM.Compute.Cpu.Panels;

/// <summary>How the inputs of a linear are packed for a kernel.</summary>
internal enum PackedInputs
{
    /// <summary>Float32, column by column: [k][T], an even number of columns.</summary>
    Float32,

    /// <summary>8-bit numbers of blocks of 32, four to a lane (<see cref="Int8Inputs"/>).</summary>
    Int8,

    /// <summary>16-bit numbers of blocks of 32, two to a lane (<see cref="Int16Inputs"/>).</summary>
    Int16,
}

/// <summary>
/// A tile of T rows in 8-bit blocks of 32. With a = max |x| of a row's block: scale = a / 127, code = round to even(x · (127 / a)). Where a few
/// numbers are far larger than the rest, as behind norms, the rounding of their blocks would be nearly all of a row's: numbers whose square is
/// above <see cref="OutlierSquare"/> times the mean of the row's a² are taken out and multiply as float32 (Dettmers et al., LLM.int8(), 2022,
/// section 3.2: mixed-precision decomposition).
/// <code>
/// block: | 8 groups × T rows × 4 codes | T scales | T scale · Σ | T × -8 Σ | T × -32 Σ of the first 16 | T × -32 Σ of the last 16 |
/// </code>
/// <code>
/// tile: | blocks | T rows of outliers |
/// row of outliers: | count | column, number | column, number | … | columns ascending
/// </code>
/// The words below count 32-bit numbers of one row; a tile's block takes T times as many.
/// </summary>
internal static class Int8Inputs
{
    public const int Scale = 8;
    public const int ScaledSum = 9;
    public const int NibbleOffset = 10;
    public const int SixBitOffset = 11;
    public const int Words = 13;
    public const int OutlierSquare = 8;

    /// <summary>
    /// On average, so that there is room for all numbers of as many blocks as can hold outliers. Proof: of B blocks fewer than B / 8 have
    /// a² above 8 times the mean, or they alone would exceed the sum. The float32 sum is too small by (B - 1) · 2^-24 of itself at most, and
    /// the mean rounds once more: B / 8 · (1 + B · 2^-24) is below the next integer up to <see cref="MostBlocks"/>.
    /// </summary>
    public const int OutlierWordsOfBlock = 2 * 32 / OutlierSquare;

    /// <summary>Of a row.</summary>
    public const int MostBlocks = 4096;

    public static long OutlierWords(long blocks) => 1 + (OutlierWordsOfBlock * blocks);

    public static long TileWords(long blocks, int rows) => rows * ((blocks * Words) + OutlierWords(blocks));
}

/// <summary>
/// A tile of T rows in 16-bit blocks of 32, for 8-bit weights, which are widened to int16 anyway: as <see cref="Int8Inputs"/> with 32767 for
/// 127, at no cost, so that only the weights' own rounding is left. Sums of 32 products of 255 · 32767 stay within int32.
/// <code>
/// block: | 8 groups × (T × codes 0, 2; T × codes 1, 3) | T scales | T scale · Σ | T × -128 Σ |
/// </code>
/// </summary>
internal static class Int16Inputs
{
    public const int Scale = 16;
    public const int ScaledSum = 17;
    public const int Offset = 18;
    public const int Words = 19;
}
