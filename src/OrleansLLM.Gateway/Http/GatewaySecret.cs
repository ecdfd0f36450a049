using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace OrleansLLM.Gateway.Http;

/// <summary>
/// What only the gateways of one cluster can compute, and all of them alike: names for what clients send, which nobody else can guess or turn
/// back. Thread-safe.
/// </summary>
/// <param name="secret">Empty: drawn at random, for a gateway that is alone.</param>
internal sealed class GatewaySecret(ReadOnlyMemory<byte> secret)
{
    private const int RandomBytes = 32;

    private readonly byte[] _key = secret.IsEmpty ? RandomNumberGenerator.GetBytes(RandomBytes) : secret.ToArray();

    /// <summary>Whose an API key's requests are, whatever the key's name or place in a list.</summary>
    public string TenantOf(string apiKey) => Convert.ToHexStringLower(Compute($"tenant\n{apiKey}").AsSpan(0, 16));

    /// <param name="attempt">Counts the answers to this key that failed.</param>
    public RequestId RequestOf(IdempotencyKey key, int promptIndex, int attempt)
    {
        var bytes = Compute(FormattableString.Invariant($"request\n{key.Tenant}\n{promptIndex}\n{attempt}\n{key.Text}"));
        return new RequestId(BinaryPrimitives.ReadUInt64LittleEndian(bytes), BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(8)));
    }

    /// <summary>The seed of a request that gives none.</summary>
    public ulong SeedOf(IdempotencyKey key, int promptIndex) =>
        BinaryPrimitives.ReadUInt64LittleEndian(Compute(FormattableString.Invariant($"seed\n{key.Tenant}\n{promptIndex}\n{key.Text}")));

    /// <param name="text">Begins with what it is for; nothing but its last part may hold a line feed.</param>
    private byte[] Compute(string text) => HMACSHA256.HashData(_key, Encoding.UTF8.GetBytes(text));
}

/// <summary>A client's Idempotency-Key.</summary>
internal readonly record struct IdempotencyKey(string Tenant, string Text);
