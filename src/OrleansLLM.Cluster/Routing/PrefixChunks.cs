using System.Buffers.Binary;
using System.IO.Hashing;
using System.Runtime.InteropServices;

namespace OrleansLLM.Cluster;

/// <summary>
/// A prompt's prefixes as hashes that a router compares: one for every full chunk of 32 tokens, each over all tokens before its end.
/// They are a hint for placement and never decide what is shared: the engine's own block hashes do.
/// </summary>
internal static class PrefixChunks
{
    public const int Tokens = 32;

    private const int HashBytes = 8;

    /// <summary>Little-endian 64-bit hashes, one behind the other.</summary>
    public static byte[] Hash(ReadOnlySpan<int> promptIds, string prefixOwner)
    {
        var chunks = promptIds.Length / Tokens;
        var hashes = new byte[HashBytes * chunks];
        var last = (long)XxHash3.HashToUInt64(MemoryMarshal.AsBytes(prefixOwner.AsSpan()));
        for (var chunk = 0; chunk < chunks; chunk++)
        {
            last = (long)XxHash3.HashToUInt64(MemoryMarshal.AsBytes(promptIds.Slice(chunk * Tokens, Tokens)), last);
            BinaryPrimitives.WriteInt64LittleEndian(hashes.AsSpan(HashBytes * chunk), last);
        }

        return hashes;
    }

    public static int Count(ReadOnlySpan<byte> hashes) => hashes.Length / HashBytes;

    public static long At(ReadOnlySpan<byte> hashes, int chunk) => BinaryPrimitives.ReadInt64LittleEndian(hashes[(HashBytes * chunk)..]);
}
