using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Security.Cryptography;

namespace OrleansLLM;

/// <summary>128 random bits that name one request in the whole cluster; can't be guessed. Written as 32 hexadecimal digits.</summary>
public readonly record struct RequestId(ulong Upper, ulong Lower)
{
    // Numbers may end with a null character, ids may not.
    private static readonly SearchValues<char> Digits = SearchValues.Create("0123456789abcdefABCDEF");

    public static RequestId Create()
    {
        Span<byte> bytes = stackalloc byte[16];
        RandomNumberGenerator.Fill(bytes);
        return new RequestId(BitConverter.ToUInt64(bytes), BitConverter.ToUInt64(bytes[8..]));
    }

    public static bool TryParse(ReadOnlySpan<char> text, out RequestId id)
    {
        id = default;
        if (text.Length != 32 || text.ContainsAnyExcept(Digits) || !TryParseHalf(text[..16], out var upper) || !TryParseHalf(text[16..], out var lower))
        {
            return false;
        }

        id = new RequestId(upper, lower);
        return true;
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Upper:x16}{Lower:x16}");

    private static bool TryParseHalf(ReadOnlySpan<char> text, out ulong half) =>
        ulong.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out half);
}

/// <summary>One answer of a request, written <c>request#k</c>; k is never reused.</summary>
public readonly record struct SequenceId(RequestId Request, int Index)
{
    public static bool TryParse([NotNullWhen(true)] string? text, out SequenceId id)
    {
        id = default;
        var hash = text?.IndexOf('#', StringComparison.Ordinal) ?? -1;
        if (hash < 0
            || !RequestId.TryParse(text.AsSpan(0, hash), out var request)
            || !int.TryParse(text.AsSpan(hash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var index))
        {
            return false;
        }

        id = new SequenceId(request, index);
        return true;
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Request}#{Index}");
}

/// <summary>Names one engine of the cluster: its silo's name and the device's number, written <c>silo/device</c>.</summary>
public readonly record struct WorkerId(string Silo, int Device)
{
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Silo}/{Device}");
}
