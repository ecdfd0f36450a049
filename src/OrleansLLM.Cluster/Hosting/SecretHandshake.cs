using System.Buffers;
using System.IO.Pipelines;
using System.Security.Cryptography;

namespace OrleansLLM.Cluster;

/// <summary>
/// Two silos prove to each other that they know the cluster's secret, before Orleans reads or writes a byte: each draws a number and signs both,
/// with its side. Who connects proves first, so that a listener tells a stranger nothing. Bytes behind the handshake are left in the pipe.
/// </summary>
internal sealed class SecretHandshake(ClusterSecret secret)
{
    private const int NonceBytes = 32;
    private const int ProofBytes = 32;

    private const byte Refused = 0;
    private const byte Accepted = 1;

    private static ReadOnlySpan<byte> Mark => "OLLMSIL1"u8;

    /// <summary>The side that connected. Null where both know the secret, else why there can be no connection.</summary>
    public async Task<string?> ConnectAsync(IDuplexPipe pipe, CancellationToken cancellation)
    {
        var own = RandomNumberGenerator.GetBytes(NonceBytes);
        await pipe.Output.WriteAsync((byte[])[.. Mark, .. own], cancellation).ConfigureAwait(false);
        if (await ReadNonceAsync(pipe.Input, cancellation).ConfigureAwait(false) is not { } other)
        {
            return "it does not speak this program's handshake";
        }

        await pipe.Output.WriteAsync(Proof("connects", own, other), cancellation).ConfigureAwait(false);
        return await ReadAsync(pipe.Input, 1, cancellation).ConfigureAwait(false) is not [Accepted]
            ? "it refused this silo's cluster secret (--cluster-secret-file)"
            : !IsProof(await ReadAsync(pipe.Input, ProofBytes, cancellation).ConfigureAwait(false), Proof("listens", own, other))
            ? "it has another cluster secret (--cluster-secret-file)"
            : null;
    }

    /// <summary>The side that listened; as <see cref="ConnectAsync"/>.</summary>
    public async Task<string?> AcceptAsync(IDuplexPipe pipe, CancellationToken cancellation)
    {
        if (await ReadNonceAsync(pipe.Input, cancellation).ConfigureAwait(false) is not { } other)
        {
            return "it does not speak this program's handshake";
        }

        var own = RandomNumberGenerator.GetBytes(NonceBytes);
        await pipe.Output.WriteAsync((byte[])[.. Mark, .. own], cancellation).ConfigureAwait(false);
        if (!IsProof(await ReadAsync(pipe.Input, ProofBytes, cancellation).ConfigureAwait(false), Proof("connects", other, own)))
        {
            await pipe.Output.WriteAsync((byte[])[Refused], cancellation).ConfigureAwait(false);
            return "it has another cluster secret (--cluster-secret-file)";
        }

        await pipe.Output.WriteAsync((byte[])[Accepted, .. Proof("listens", other, own)], cancellation).ConfigureAwait(false);
        return null;
    }

    private byte[] Proof(string side, byte[] connecting, byte[] listening) => secret.Sign($"silo {side}", connecting, listening);

    private static bool IsProof(byte[]? sent, byte[] expected) => sent is not null && CryptographicOperations.FixedTimeEquals(sent, expected);

    private static async Task<byte[]?> ReadNonceAsync(PipeReader reader, CancellationToken cancellation)
    {
        var sent = await ReadAsync(reader, Mark.Length + NonceBytes, cancellation).ConfigureAwait(false);
        return sent is not null && sent.AsSpan().StartsWith(Mark) ? sent[Mark.Length..] : null;
    }

    /// <summary>That many bytes; null where the other side ended before.</summary>
    private static async Task<byte[]?> ReadAsync(PipeReader reader, int count, CancellationToken cancellation)
    {
        var result = await reader.ReadAtLeastAsync(count, cancellation).ConfigureAwait(false);
        if (result.Buffer.Length < count)
        {
            reader.AdvanceTo(result.Buffer.End);
            return null;
        }

        var bytes = result.Buffer.Slice(0, count).ToArray();
        reader.AdvanceTo(result.Buffer.GetPosition(count));
        return bytes;
    }
}
