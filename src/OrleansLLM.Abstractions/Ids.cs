using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Security.Cryptography;

namespace OrleansLLM;

/// <summary>128 random bits that name one request in the whole cluster; can't be guessed. Written as 32 hexadecimal digits.</summary>
public readonly record struct RequestId(UInt128 Value)
{
    public static RequestId Create()
    {
        Span<byte> bytes = stackalloc byte[16];
        RandomNumberGenerator.Fill(bytes);
        return new RequestId(new UInt128(BitConverter.ToUInt64(bytes), BitConverter.ToUInt64(bytes[8..])));
    }

    public static bool TryParse(ReadOnlySpan<char> text, out RequestId id)
    {
        var parsed = UInt128.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value);
        id = new RequestId(value);
        return parsed && text.Length == 32;
    }

    public override string ToString() => Value.ToString("x32", CultureInfo.InvariantCulture);
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
