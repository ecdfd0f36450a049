namespace OrleansLLM.Compute.Cpu.Panels.Formats;

/// <summary>Takes a file's block apart while a model loads.</summary>
internal unsafe interface IBlockFormat
{
    static abstract HalfPlaces Halves { get; }

    /// <summary>
    /// Writes the block's codes, one a byte in column order, and puts its scales into a lane of the super-block's front
    /// (<see cref="IBlockScales"/>).
    /// </summary>
    static abstract void Read(byte* block, byte* codes, byte* superBlock, int lane);
}

/// <summary>A block of 32 weights whose low nibbles are codes 0 to 15 and whose high nibbles are codes 16 to 31.</summary>
internal unsafe interface IPairFormat
{
    static abstract HalfPlaces Halves { get; }

    /// <summary>Puts the block's scales into a lane of the panel's front (<see cref="IBlockScales"/>); returns the 16 nibble pairs.</summary>
    static abstract byte* ReadScales(byte* block, byte* to, int lane);
}

/// <summary>File: | d | 16 nibble pairs |.</summary>
internal readonly unsafe struct Q4_0 : IPairFormat
{
    public static HalfPlaces Halves => new(0, 1);

    public static byte* ReadScales(byte* block, byte* to, int lane)
    {
        ((ushort*)to)[lane] = *(ushort*)block;
        return block + 2;
    }
}

/// <summary>File: | d | m | 16 nibble pairs |.</summary>
internal readonly unsafe struct Q4_1 : IPairFormat
{
    public static HalfPlaces Halves => new(0, 2);

    public static byte* ReadScales(byte* block, byte* to, int lane)
    {
        ((ushort*)to)[lane] = *(ushort*)block;
        ((ushort*)to)[PanelLayout.Outputs + lane] = *(ushort*)(block + 2);
        return block + 4;
    }
}

/// <summary>File: | d | 32 fifth bits | 16 nibble pairs |; a weight is d · (code - 16).</summary>
internal readonly unsafe struct Q5_0 : IBlockFormat
{
    public static HalfPlaces Halves => new(0, 1);

    public static void Read(byte* block, byte* codes, byte* superBlock, int lane)
    {
        ((ushort*)superBlock)[lane] = *(ushort*)block;
        Nibbles.Split(block + 6, codes, 16);
        Nibbles.AddFifthBits(*(uint*)(block + 2), codes);
        for (var i = 0; i < 32; i++)
        {
            codes[i] -= 16;
        }
    }
}

/// <summary>File: | d | m | 32 fifth bits | 16 nibble pairs |.</summary>
internal readonly unsafe struct Q5_1 : IBlockFormat
{
    public static HalfPlaces Halves => new(0, 2);

    public static void Read(byte* block, byte* codes, byte* superBlock, int lane)
    {
        ((ushort*)superBlock)[lane] = *(ushort*)block;
        ((ushort*)superBlock)[PanelLayout.Outputs + lane] = *(ushort*)(block + 2);
        Nibbles.Split(block + 8, codes, 16);
        Nibbles.AddFifthBits(*(uint*)(block + 4), codes);
    }
}

/// <summary>File: | d | 32 int8 |.</summary>
internal readonly unsafe struct Q8_0 : IBlockFormat
{
    public static HalfPlaces Halves => new(0, 1);

    public static void Read(byte* block, byte* codes, byte* superBlock, int lane)
    {
        ((ushort*)superBlock)[lane] = *(ushort*)block;
        Buffer.MemoryCopy(block + 2, codes, 32, 32);
    }
}

/// <summary>File: | d | dmin | 12 bytes of 6-bit scales and minimums | 4 × 32 nibble pairs |.</summary>
internal readonly unsafe struct Q4_K : IBlockFormat
{
    public static HalfPlaces Halves => new(0, 2);

    public static void Read(byte* block, byte* codes, byte* superBlock, int lane)
    {
        SuperBlocks.ReadScales(block, superBlock, lane);
        for (var i = 0; i < 4; i++)
        {
            Nibbles.Split(block + 16 + (32 * i), codes + (64 * i), 32);
        }
    }
}

/// <summary>File: as <see cref="Q4_K"/> with 32 bytes of fifth bits in front of the nibbles: bit b of byte i is block b's.</summary>
internal readonly unsafe struct Q5_K : IBlockFormat
{
    public static HalfPlaces Halves => new(0, 2);

    public static void Read(byte* block, byte* codes, byte* superBlock, int lane)
    {
        SuperBlocks.ReadScales(block, superBlock, lane);
        for (var i = 0; i < 4; i++)
        {
            Nibbles.Split(block + 48 + (32 * i), codes + (64 * i), 32);
        }

        for (var i = 0; i < 256; i++)
        {
            codes[i] |= (byte)(((block[16 + (i % 32)] >> (i / 32)) & 1) << 4);
        }
    }
}

/// <summary>File: | 128 low nibble pairs | 64 two-bit quadruples | 16 int8 scales | d |, the codes in two halves of 128.</summary>
internal readonly unsafe struct Q6_K : IBlockFormat
{
    public static HalfPlaces Halves => new(208, 1);

    public static void Read(byte* block, byte* codes, byte* superBlock, int lane)
    {
        for (var half = 0; half < 2; half++)
        {
            var low = block + (64 * half);
            var high = block + 128 + (32 * half);
            var to = codes + (128 * half);
            for (var i = 0; i < 32; i++)
            {
                to[i] = (byte)((low[i] & 15) | ((high[i] & 3) << 4));
                to[i + 32] = (byte)((low[i + 32] & 15) | ((high[i] & 0x0C) << 2));
                to[i + 64] = (byte)((low[i] >> 4) | (high[i] & 0x30));
                to[i + 96] = (byte)((low[i + 32] >> 4) | ((high[i] & 0xC0) >> 2));
            }
        }

        ((ushort*)superBlock)[lane] = *(ushort*)(block + 208);
        for (var i = 0; i < 16; i++)
        {
            superBlock[32 + (i * PanelLayout.Outputs) + lane] = block[192 + i];
        }
    }
}

/// <summary>Half-precision numbers of a block, one behind the other.</summary>
/// <param name="First">Bytes in front of the first.</param>
internal readonly record struct HalfPlaces(int First, int Count);

internal static unsafe class Halves
{
    private const int Exponent = 0x7C00;

    public static bool AreFinite(byte* block, HalfPlaces places)
    {
        var halves = (ushort*)(block + places.First);
        var areFinite = (halves[0] & Exponent) != Exponent;
        for (var i = 1; i < places.Count; i++)
        {
            areFinite &= (halves[i] & Exponent) != Exponent;
        }

        return areFinite;
    }
}

internal static unsafe class Nibbles
{
    /// <summary>Low nibbles are codes 0 to n - 1, high nibbles n to 2n - 1; n is a multiple of 8.</summary>
    public static void Split(byte* pairs, byte* codes, int count)
    {
        for (var i = 0; i < count; i += 8)
        {
            var bits = *(ulong*)(pairs + i);
            *(ulong*)(codes + i) = bits & 0x0F0F0F0F0F0F0F0F;
            *(ulong*)(codes + count + i) = (bits >> 4) & 0x0F0F0F0F0F0F0F0F;
        }
    }

    public static void AddFifthBits(uint bits, byte* codes)
    {
        for (var i = 0; i < 32; i++)
        {
            codes[i] |= (byte)(((bits >> i) & 1) << 4);
        }
    }
}

internal static unsafe class SuperBlocks
{
    /// <summary>
    /// Twelve bytes hold eight 6-bit scales and eight 6-bit minimums: the first four of each stand in the lower six bits of bytes 0 to
    /// 3 and 4 to 7, the others in bytes 8 to 11 (a nibble each) with their upper bits on top of bytes 0 to 7.
    /// </summary>
    public static void ReadScales(byte* block, byte* superBlock, int lane)
    {
        ((ushort*)superBlock)[lane] = *(ushort*)block;
        ((ushort*)superBlock)[PanelLayout.Outputs + lane] = *(ushort*)(block + 2);
        var packed = block + 4;
        for (var i = 0; i < 8; i++)
        {
            var scale = i < 4 ? packed[i] & 63 : (packed[i + 4] & 15) | ((packed[i - 4] >> 6) << 4);
            var minimum = i < 4 ? packed[i + 4] & 63 : (packed[i + 4] >> 4) | ((packed[i] >> 6) << 4);
            superBlock[64 + (i * PanelLayout.Outputs) + lane] = (byte)scale;
            superBlock[192 + (i * PanelLayout.Outputs) + lane] = (byte)minimum;
        }
    }
}
