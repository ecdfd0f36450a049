using System.Buffers.Binary;
using System.IO.Hashing;
using System.Runtime.InteropServices;

namespace OrleansLLM.Engine;

/// <summary>
/// The content hash of full blocks: 128 bits, chained over the prefix, equal in every process.
/// <code>
/// h(-1) = XxHash128 chained over fingerprint, salt, rope length      h(i) = XxHash128(h(i-1), tokens of block i, little-endian)
/// </code>
/// The rope length is 0, or the prompt's length where a dynamic scaling turns all of that prompt's keys by it. May be called from any
/// thread; allocates nothing.
/// </summary>
internal sealed class PrefixHasher(string fingerprint, int blockSize, int dynamicRopeOrigin)
{
    private readonly UInt128 _model = NextText(0, fingerprint);

    public int BlockSize { get; } = blockSize;

    public UInt128 Seed(string cacheSalt, int promptLength) => Next(NextText(_model, cacheSalt), [RopeLength(promptLength)]);

    /// <summary>What a prompt's length does to all of its keys; sequences share blocks only where it is equal.</summary>
    public int RopeLength(int promptLength) => dynamicRopeOrigin > 0 && promptLength > dynamicRopeOrigin ? promptLength : 0;

    /// <summary>Extends a sequence's hashes to its first <paramref name="blocks"/> blocks of tokens, which must be full.</summary>
    public void Hash(Sequence sequence, int blocks)
    {
        var tables = sequence.Tables;
        while (tables.HashCount < blocks)
        {
            var index = tables.HashCount;
            var previous = index > 0 ? tables.Hashes[index - 1] : Seed(sequence.Request.CacheSalt, sequence.PromptLength);
            tables.AddHash(Next(previous, sequence.Tokens.Slice(index * BlockSize, BlockSize)));
        }
    }

    public static UInt128 Next(UInt128 previous, ReadOnlySpan<int> tokens)
    {
        const int HashBytes = 16;
        Span<byte> bytes = stackalloc byte[HashBytes + (64 * sizeof(int))];
        BinaryPrimitives.WriteUInt128LittleEndian(bytes, previous);
        while (tokens.Length > 64)
        {
            // A block of more than 64 tokens is hashed in pieces, which keeps the stack small.
            previous = Piece(bytes, tokens[..64]);
            BinaryPrimitives.WriteUInt128LittleEndian(bytes, previous);
            tokens = tokens[64..];
        }

        return Piece(bytes, tokens);
    }

    /// <summary>Pieces of 64 UTF-16 units, the last one shorter, so that texts which follow each other can't be mistaken for one.</summary>
    private static UInt128 NextText(UInt128 previous, ReadOnlySpan<char> text)
    {
        Span<int> units = stackalloc int[64];
        while (true)
        {
            var count = Math.Min(units.Length, text.Length);
            for (var i = 0; i < count; i++)
            {
                units[i] = text[i];
            }

            previous = Next(previous, units[..count]);
            if (count < units.Length)
            {
                return previous;
            }

            text = text[count..];
        }
    }

    private static UInt128 Piece(Span<byte> bytes, ReadOnlySpan<int> tokens)
    {
        var target = bytes.Slice(16, tokens.Length * sizeof(int));
        if (BitConverter.IsLittleEndian)
        {
            MemoryMarshal.AsBytes(tokens).CopyTo(target);
        }
        else
        {
            for (var i = 0; i < tokens.Length; i++)
            {
                BinaryPrimitives.WriteInt32LittleEndian(target[(i * sizeof(int))..], tokens[i]);
            }
        }

        return XxHash128.HashToUInt128(bytes[..(16 + target.Length)]);
    }
}
