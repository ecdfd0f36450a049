using System.Security.Cryptography;
using System.Text;

namespace OrleansLLM.Cluster;

/// <summary>What the silos of a cluster share and nobody else knows. Never written anywhere, <see cref="ToString"/> included.</summary>
public sealed class ClusterSecret
{
    /// <summary>Shorter ones can be guessed.</summary>
    public const int LeastBytes = 16;

    public const int MostBytes = 4096;

    private readonly byte[] _bytes;

    private ClusterSecret(byte[] bytes) => _bytes = bytes;

    /// <summary>For a cluster that nobody else can join.</summary>
    public static ClusterSecret Draw() => new(RandomNumberGenerator.GetBytes(32));

    /// <summary>The text of a file without white space at its ends.</summary>
    /// <exception cref="SiloStartException">It can't be read, or is too short or too long; the message says what would do.</exception>
    public static ClusterSecret Read(string path)
    {
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read);
            var bytes = new byte[MostBytes + 1];
            var count = file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
            var secret = Trim(bytes.AsSpan(0, count));
            return secret.Length >= LeastBytes && count <= MostBytes
                ? new ClusterSecret(secret)
                : throw new SiloStartException(FormattableString.Invariant($"--cluster-secret-file {path} must hold {LeastBytes} to {MostBytes} bytes, such as `openssl rand -hex 32` writes."));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new SiloStartException($"--cluster-secret-file can't be read: {error.Message}", error);
        }
    }

    /// <summary>32 bytes that only who knows the secret can make.</summary>
    /// <param name="purpose">What they are for: another purpose gives others.</param>
    public byte[] Sign(string purpose, params ReadOnlySpan<byte[]> parts)
    {
        using var hash = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, _bytes);
        Append(hash, Encoding.UTF8.GetBytes(purpose));
        foreach (var part in parts)
        {
            Append(hash, part);
        }

        return hash.GetHashAndReset();
    }

    public override string ToString() => nameof(ClusterSecret);

    /// <summary>With its length, so that what one part ends with is never taken for the next one's beginning.</summary>
    private static void Append(IncrementalHash hash, byte[] part)
    {
        Span<byte> length = stackalloc byte[sizeof(int)];
        System.Buffers.Binary.BinaryPrimitives.WriteInt32LittleEndian(length, part.Length);
        hash.AppendData(length);
        hash.AppendData(part);
    }

    private static byte[] Trim(ReadOnlySpan<byte> bytes) => bytes.Trim(" \t\r\n"u8).ToArray();
}
