using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace OrleansLLM.Engine;

/// <summary>
/// The content hash of full blocks: 128 bits, chained over the prefix, equal in every process.
/// <code>
/// h(-1) = H chained over fingerprint, owner, rope length      h(i) = H(h(i-1), tokens of block i, little-endian)      H = first half of SHA-256
/// </code>
/// Nobody can make a prompt whose blocks pass for those of another, and an owner finds only its own.
/// The rope length is 0, or the prompt's length where a dynamic scaling turns all of that prompt's keys by it. May be called from any
/// thread; allocates nothing.
/// </summary>
internal sealed class PrefixHasher(string fingerprint, int blockSize, int dynamicRopeOrigin)
{
    private readonly PrefixHash _model = NextText(default, fingerprint);

    public int BlockSize { get; } = blockSize;

    /// <param name="owner"><see cref="GenerationRequest.PrefixOwner"/>.</param>
    public PrefixHash Seed(string owner, int promptLength) => Next(NextText(_model, owner), [RopeLength(promptLength)]);

    /// <summary>What a prompt's length does to all of its keys; sequences share blocks only where it is equal.</summary>
    public int RopeLength(int promptLength) => dynamicRopeOrigin > 0 && promptLength > dynamicRopeOrigin ? promptLength : 0;

    /// <summary>Extends a sequence's hashes to its first <paramref name="blocks"/> blocks of tokens, which must be full.</summary>
    public void Hash(Sequence sequence, int blocks)
    {
        var tables = sequence.Tables;
        while (tables.HashCount < blocks)
        {
            var index = tables.HashCount;
            var previous = index > 0 ? tables.Hashes[index - 1] : Seed(sequence.PrefixOwner, sequence.PromptLength);
            tables.AddHash(Next(previous, sequence.Tokens.Slice(index * BlockSize, BlockSize)));
        }
    }

    public static PrefixHash Next(PrefixHash previous, ReadOnlySpan<int> tokens)
    {
        Span<byte> bytes = stackalloc byte[PrefixHash.Bytes + (64 * sizeof(int))];
        previous.Write(bytes);
        while (tokens.Length > 64)
        {
            // A block of more than 64 tokens is hashed in pieces, which keeps the stack small.
            Piece(bytes, tokens[..64]).Write(bytes);
            tokens = tokens[64..];
        }

        return Piece(bytes, tokens);
    }

    /// <summary>Pieces of 64 UTF-16 units, the last one shorter, so that texts which follow each other can't be mistaken for one.</summary>
    private static PrefixHash NextText(PrefixHash previous, ReadOnlySpan<char> text)
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

    private static PrefixHash Piece(Span<byte> bytes, ReadOnlySpan<int> tokens)
    {
        var target = bytes.Slice(PrefixHash.Bytes, tokens.Length * sizeof(int));
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

        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(bytes[..(PrefixHash.Bytes + target.Length)], hash);
        return PrefixHash.Read(hash);
    }
}

/// <summary>128 bits that stand for all tokens up to the end of a block. No UInt128, which the ahead-of-time compiler leaves to the start.</summary>
internal readonly record struct PrefixHash(ulong First, ulong Second)
{
    public const int Bytes = 16;

    public static PrefixHash Read(ReadOnlySpan<byte> bytes) =>
        new(BinaryPrimitives.ReadUInt64LittleEndian(bytes), BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]));

    public void Write(Span<byte> bytes)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, First);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[8..], Second);
    }
}
