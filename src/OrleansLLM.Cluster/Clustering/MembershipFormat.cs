using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace OrleansLLM.Cluster;

/// <summary>
/// The bytes of a membership version: a line with the format's version and the rest's SHA-256, then JSON. Files of other programs and damaged
/// ones are told by that line.
/// </summary>
internal static class MembershipFormat
{
    /// <summary>Of a file: a thousand times what a cluster needs.</summary>
    public const int MaxBytes = 16 << 20;

    private const string Mark = "orleansllm-membership 1 ";
    private const int HashLetters = 64;

    private static int HeadLength => Mark.Length + HashLetters + 1;

    public static byte[] Write(MembershipContent content)
    {
        var json = JsonSerializer.SerializeToUtf8Bytes(ToFile(content), MembershipJson.Default.MembershipFile);
        return [.. Encoding.ASCII.GetBytes($"{Mark}{Convert.ToHexStringLower(SHA256.HashData(json))}\n"), .. json];
    }

    /// <param name="path">For errors.</param>
    /// <param name="version">That the file's name says.</param>
    /// <exception cref="InvalidDataException">It is no such file, or damaged.</exception>
    public static MembershipContent Read(string path, int version, ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < HeadLength || !bytes.StartsWith(Encoding.ASCII.GetBytes(Mark)))
        {
            throw Damaged(path, "it does not begin as one");
        }

        var json = bytes[HeadLength..];
        if (!bytes[Mark.Length..HeadLength].SequenceEqual(Encoding.ASCII.GetBytes(Convert.ToHexStringLower(SHA256.HashData(json)) + '\n')))
        {
            throw Damaged(path, "its content is not what was written");
        }

        try
        {
            var content = FromFile(JsonSerializer.Deserialize(json, MembershipJson.Default.MembershipFile) ?? throw new FormatException("it holds null"));
            return content.Version == version ? content : throw new FormatException(FormattableString.Invariant($"it says that it is version {content.Version}"));
        }
        catch (Exception error) when (error is not InvalidDataException)
        {
            throw Damaged(path, error.Message);
        }
    }

    private static InvalidDataException Damaged(string path, string why) => new(
        $"{path} is no membership file of this program, or a damaged one: {why}. Stop the cluster's silos and delete its folder, or give another with --clustering file:PATH.");

    private static MembershipFile ToFile(MembershipContent content) => new(
        content.Version, content.Etag, [.. content.Ancestors], [.. content.Rows.Select(row => new MembershipFileRow(
            row.Entry.SiloAddress.ToParsableString(),
            row.Entry.SiloName ?? "",
            row.Entry.Status,
            row.Entry.HostName ?? "",
            row.Entry.RoleName ?? "",
            row.Entry.ProxyPort,
            row.Entry.StartTime.Ticks,
            row.Entry.IAmAliveTime.Ticks,
            [.. (row.Entry.SuspectTimes ?? []).Select(vote => new MembershipFileVote(vote.Item1.ToParsableString(), vote.Item2.Ticks))],
            row.Entry.UpdateZone,
            row.Entry.FaultZone,
            row.Etag))]);

    private static MembershipContent FromFile(MembershipFile file)
    {
        var rows = file.Silos.Select(row => new MembershipContent.Row(ToEntry(row), row.Etag)).ToList();
        return file.Version < 0 ? throw new FormatException("its version is below 0")
            : rows.DistinctBy(row => row.Entry.SiloAddress).Count() < rows.Count ? throw new FormatException("a silo stands in it twice")
            : new(file.Version, file.Etag, file.Ancestors, rows);
    }

    private static MembershipEntry ToEntry(MembershipFileRow row) => new()
    {
        SiloAddress = SiloAddress.FromParsableString(row.Silo),
        SiloName = row.Name,
        Status = Enum.IsDefined(row.Status) ? row.Status : throw new FormatException($"{row.Silo} has a status that is none"),
        HostName = row.Host,
        RoleName = row.Role,
        ProxyPort = row.GatewayPort,
        StartTime = new DateTime(row.Started, DateTimeKind.Utc),
        IAmAliveTime = new DateTime(row.Alive, DateTimeKind.Utc),
        SuspectTimes = [.. row.Votes.Select(vote => Tuple.Create(SiloAddress.FromParsableString(vote.Silo), new DateTime(vote.Time, DateTimeKind.Utc)))],
        UpdateZone = row.UpdateZone,
        FaultZone = row.FaultZone,
    };
}

internal sealed record MembershipFile(int Version, string Etag, string[] Ancestors, MembershipFileRow[] Silos);

/// <summary>Times are ticks of UTC.</summary>
internal sealed record MembershipFileRow(
    string Silo, string Name, SiloStatus Status, string Host, string Role, int GatewayPort, long Started, long Alive, MembershipFileVote[] Votes,
    int UpdateZone, int FaultZone, string Etag);

internal sealed record MembershipFileVote(string Silo, long Time);

[JsonSourceGenerationOptions(RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true, UseStringEnumConverter = true)]
[JsonSerializable(typeof(MembershipFile))]
internal sealed partial class MembershipJson : JsonSerializerContext;
