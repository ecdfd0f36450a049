using System.Globalization;
using System.Text;
using Xunit;

namespace OrleansLLM.Testing;

/// <summary>
/// Named recordings of bytes in one <see cref="AcceptedFile"/>, as hex dumps that a diff shows by field:
/// <code>
/// # about
///
/// [name]
/// 0000  01 10 32 54 76 98 ba dc fe ef cd ab 89 67 45 23  |..2Tv........gE#|
/// </code>
/// </summary>
/// <param name="path">From the folder of OrleansLLM.sln, with forward slashes.</param>
/// <param name="about">The file's first line: whose bytes these are.</param>
public sealed class RecordedBytes(string path, string about)
{
    private const int RowBytes = 16;
    private const int HexColumn = 6;

    /// <summary>Fails unless exactly these recordings stand in the file, in this order.</summary>
    public void Equal(IEnumerable<(string Name, byte[] Bytes)> written)
    {
        var text = new StringBuilder($"# {about}\n");
        foreach (var (name, bytes) in written)
        {
            text.Append(CultureInfo.InvariantCulture, $"\n[{name}]\n");
            for (var at = 0; at < bytes.Length; at += RowBytes)
            {
                text.Append(Row(at, bytes.AsSpan(at, Math.Min(RowBytes, bytes.Length - at))));
            }
        }

        AcceptedFile.Equal(path, text.ToString());
    }

    /// <summary>The bytes that stand in the file under that name.</summary>
    public byte[] Read(string name)
    {
        var lines = AcceptedFile.Read(path).Split('\n');
        var heading = Array.IndexOf(lines, $"[{name}]");
        Assert.True(heading >= 0, $"{path} holds no recording named {name}.");
        var rows = lines.Skip(heading + 1).TakeWhile(line => line.Length > 0);
        return [.. rows.SelectMany(row => Convert.FromHexString(row.Substring(HexColumn, 3 * RowBytes).Replace(" ", "", StringComparison.Ordinal)))];
    }

    private static string Row(int at, ReadOnlySpan<byte> bytes)
    {
        var hex = new StringBuilder();
        var ascii = new StringBuilder();
        foreach (var value in bytes)
        {
            hex.Append(CultureInfo.InvariantCulture, $"{value:x2} ");
            ascii.Append(value is >= 0x20 and < 0x7f ? (char)value : '.');
        }

        return $"{at:x4}  {hex.ToString().PadRight(3 * RowBytes)} |{ascii}|\n";
    }
}
