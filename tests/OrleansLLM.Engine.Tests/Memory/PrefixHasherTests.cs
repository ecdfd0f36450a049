using System.Buffers.Binary;
using System.Security.Cryptography;

namespace OrleansLLM.Engine.Tests;

/// <summary>The chained content hash against its definition, written down with a list of bytes.</summary>
public sealed class PrefixHasherTests
{
    [Fact]
    public void A_hash_is_the_definitions_for_blocks_of_any_length()
    {
        var random = new Random(31);
        for (var length = 0; length < 300; length++)
        {
            int[] tokens = [.. Enumerable.Range(0, length).Select(_ => random.Next())];
            var previous = new PrefixHash((ulong)random.NextInt64(), (ulong)random.NextInt64());
            Assert.Equal(Chain(previous, tokens), PrefixHasher.Next(previous, tokens));
        }
    }

    [Theory]
    [InlineData("", "")]
    [InlineData("model", "salt")]
    [InlineData("of sixty-four characters, which is the length of a piece of text.", "")]
    public void A_seed_is_chained_over_fingerprint_salt_and_rope_length(string fingerprint, string salt)
    {
        var hasher = new PrefixHasher(fingerprint, 4, dynamicRopeOrigin: 16);
        var chained = ChainText(ChainText(default, fingerprint), salt);
        Assert.Equal(Chain(chained, [0]), hasher.Seed(salt, 16));
        Assert.Equal(Chain(chained, [17]), hasher.Seed(salt, 17));
        Assert.Equal(Chain(chained, [0]), new PrefixHasher(fingerprint, 4, dynamicRopeOrigin: 0).Seed(salt, 17));
    }

    /// <summary>Where a text ends is part of the hash, also at the length of a piece.</summary>
    [Fact]
    public void Fingerprint_and_salt_are_not_one_text()
    {
        var texts = new List<string>();
        foreach (var length in new[] { 0, 1, 63, 64, 65, 127, 128, 129 })
        {
            texts.Add(new string('a', length));
        }

        var seeds = texts.SelectMany(fingerprint => texts.Select(salt => new PrefixHasher(fingerprint, 4, 0).Seed(salt, 1))).ToArray();
        Assert.Equal(seeds.Length, seeds.Distinct().Count());
    }

    [Fact]
    public void Hashing_a_prompt_allocates_nothing()
    {
        var hasher = new PrefixHasher("model", 16, dynamicRopeOrigin: 16);
        var allocated = long.MaxValue;
        for (var round = 0; round < 3; round++)
        {
            var request = CoreFixture.Request([.. Enumerable.Range(0, 8192)], 5) with { CacheSalt = "salt", Tenant = "a team" };
            var sequence = new Sequence(request, CoreFixture.Epoch(1), new SequenceId(request.Id, 0), [], CoreFixture.Shape(16, [0]));
            sequence.MakeRoom();
            var before = GC.GetAllocatedBytesForCurrentThread();
            hasher.Hash(sequence, 512);
            allocated = Math.Min(allocated, GC.GetAllocatedBytesForCurrentThread() - before);
            Assert.Equal(512, sequence.Tables.HashCount);
        }

        Assert.Equal(0, allocated);
    }

    [Fact]
    public void A_sequence_is_hashed_block_by_block_and_goes_on_where_it_was()
    {
        var hasher = new PrefixHasher("model", 4, dynamicRopeOrigin: 0);
        var request = CoreFixture.Request([.. Enumerable.Range(0, 19)], 5) with { CacheSalt = "salt", Tenant = "a team" };
        var sequence = new Sequence(request, CoreFixture.Epoch(1), new SequenceId(request.Id, 0), [], CoreFixture.Shape(4, [0]));
        sequence.MakeRoom();
        hasher.Hash(sequence, 2);
        hasher.Hash(sequence, 1);
        hasher.Hash(sequence, 4);
        var expected = new List<PrefixHash>();
        for (var block = 0; block < 4; block++)
        {
            expected.Add(Chain(block == 0 ? hasher.Seed(request.PrefixOwner, 19) : expected[^1], [.. Enumerable.Range(4 * block, 4)]));
        }

        Assert.Equal(expected, sequence.Tables.Hashes.ToArray());
    }

    /// <summary>Pieces of 64 tokens, each behind the hash of what was before; the last piece is what remains, if anything or alone.</summary>
    private static PrefixHash Chain(PrefixHash previous, int[] tokens)
    {
        foreach (var piece in tokens.Length == 0 ? [[]] : tokens.Chunk(64))
        {
            var bytes = new List<byte>();
            bytes.AddRange(BitConverter.GetBytes(previous.First));
            bytes.AddRange(BitConverter.GetBytes(previous.Second));
            foreach (var token in piece)
            {
                bytes.AddRange(BitConverter.GetBytes(token));
            }

            var hash = SHA256.HashData([.. bytes]);
            previous = new PrefixHash(BinaryPrimitives.ReadUInt64LittleEndian(hash), BinaryPrimitives.ReadUInt64LittleEndian(hash.AsSpan(8)));
        }

        return previous;
    }

    /// <summary>Pieces of 64 units, the last one shorter, empty if need be.</summary>
    private static PrefixHash ChainText(PrefixHash previous, string text)
    {
        for (var at = 0; at <= text.Length; at += 64)
        {
            previous = Chain(previous, [.. text.Skip(at).Take(64).Select(unit => (int)unit)]);
        }

        return previous;
    }
}
