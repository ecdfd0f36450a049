using System.Globalization;

namespace OrleansLLM.Cluster;

/// <summary>
/// The files of one membership table: each version under its number, each silo's word that it is alive, and what is being written. Promises:
/// a version is seen whole or not at all, since it is written under another name and then published under its own in one step; of several that
/// publish one number at most one succeeds; nothing is locked, so whoever stops or dies at any instant holds up nobody.
/// </summary>
/// <remarks>
/// Why a version that <see cref="TryPublish"/> took is the one that follows: a number is free either because nobody published it yet, or because
/// its file was deleted as old, which only a writer can meet that stood still while <see cref="KeptVersions"/> others were published. So a
/// writer looks again behind its own step: the newest version, which is never deleted, is its own or names it among its ancestors, or it came too late.
/// </remarks>
internal sealed class MembershipFolder(string path)
{
    /// <summary>The newest ones; a reader that finds one gone looks again.</summary>
    public const int KeptVersions = 8;

    private const string VersionPrefix = "version-";
    private const string AlivePrefix = "alive-";
    private const string WritingPrefix = "writing-";

    /// <summary>After that long, a file that is being written belongs to nobody any more.</summary>
    private static readonly TimeSpan WritingTimeout = TimeSpan.FromMinutes(10);

    private enum Durability
    {
        /// <summary>Outlives the process that wrote it.</summary>
        Process,

        /// <summary>Outlives a loss of power.</summary>
        Disk,
    }

    public string Path { get; } = path;

    /// <summary>Makes the folder where it is not there, but not the one that it is in, which may be away.</summary>
    /// <exception cref="InvalidDataException">It holds files of others.</exception>
    public void Open()
    {
        RequireParent();
        Directory.CreateDirectory(Path);
        string[] own = [VersionPrefix, AlivePrefix, WritingPrefix];
        if (Names().FirstOrDefault(name => !Array.Exists(own, prefix => name.StartsWith(prefix, StringComparison.Ordinal))) is { } foreign)
        {
            throw new InvalidDataException($"{Full(foreign)} is no file of a membership table: give --clustering file: a folder of its own, or another --cluster-id.");
        }
    }

    /// <summary>Null where there is none yet.</summary>
    /// <exception cref="InvalidDataException">It is damaged, or another program's.</exception>
    public MembershipContent? ReadNewest()
    {
        while (FindNewest() is { } version)
        {
            try
            {
                return MembershipFormat.Read(NameOf(version), version, ReadBytes(NameOf(version)));
            }
            catch (FileNotFoundException)
            {
                // Newer ones have come meanwhile, so many that this one was deleted.
            }
        }

        return null;
    }

    /// <summary>False where another version has this one's number: then nothing was written.</summary>
    /// <exception cref="IOException">It could not be written, or this process stood still for so long that nobody knows whether it was.</exception>
    public bool TryPublish(MembershipContent content)
    {
        var writing = Full(FormattableString.Invariant($"{WritingPrefix}{Guid.NewGuid():N}"));
        try
        {
            Write(writing, MembershipFormat.Write(content), Durability.Disk);
            if (!ExclusiveFile.TryPublish(writing, NameOf(content.Version)))
            {
                return false;
            }
        }
        finally
        {
            File.Delete(writing);
        }

        var newest = ReadNewest();
        var isPart = newest is null ? false : newest.Follows(content);
        if (isPart == true)
        {
            DeleteOld(newest!);
        }

        return isPart ?? throw new IOException(
            FormattableString.Invariant($"{NameOf(content.Version)}: this process stood still while {MembershipContent.KeptAncestors} later versions were written; look at the table again."));
    }

    /// <summary>Null where the silo has not said so yet.</summary>
    public DateTime? ReadAlive(SiloAddress silo)
    {
        try
        {
            // What can't be read was lost with the machine's power: then the row's own time counts.
            return long.TryParse(File.ReadAllText(AliveOf(silo)), NumberStyles.None, CultureInfo.InvariantCulture, out var ticks) && ticks <= DateTime.MaxValue.Ticks
                ? new DateTime(ticks, DateTimeKind.Utc)
                : null;
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }

    public void WriteAlive(SiloAddress silo, DateTime time)
    {
        var writing = Full(FormattableString.Invariant($"{WritingPrefix}{Guid.NewGuid():N}"));
        Write(writing, System.Text.Encoding.ASCII.GetBytes(time.Ticks.ToString(CultureInfo.InvariantCulture)), Durability.Process);
        File.Move(writing, AliveOf(silo), overwrite: true);
    }

    /// <summary>The table is gone at once, its files soon.</summary>
    public void Delete()
    {
        var gone = FormattableString.Invariant($"{Path}.deleted-{Guid.NewGuid():N}");
        try
        {
            Directory.Move(Path, gone);
        }
        catch (DirectoryNotFoundException)
        {
            return;
        }

        Directory.Delete(gone, recursive: true);
    }

    private int? FindNewest()
    {
        if (!Directory.Exists(Path))
        {
            RequireParent();
            return null;
        }

        int? newest = null;
        foreach (var version in Names().Select(VersionOf).OfType<int>())
        {
            newest = newest > version ? newest : version;
        }

        // A listing may miss what was published while it ran.
        while (newest is { } found && File.Exists(NameOf(found + 1)))
        {
            newest = found + 1;
        }

        return newest;
    }

    private void RequireParent()
    {
        if (!Directory.Exists(System.IO.Path.GetDirectoryName(Path)))
        {
            throw new DirectoryNotFoundException($"{System.IO.Path.GetDirectoryName(Path)} is not there.");
        }
    }

    private void DeleteOld(MembershipContent newest)
    {
        var silos = newest.Rows.Select(row => System.IO.Path.GetFileName(AliveOf(row.Entry.SiloAddress))).ToHashSet(StringComparer.Ordinal);
        foreach (var name in Names().Order(StringComparer.Ordinal))
        {
            var isOld = name.StartsWith(VersionPrefix, StringComparison.Ordinal) ? VersionOf(name) <= newest.Version - KeptVersions
                : name.StartsWith(AlivePrefix, StringComparison.Ordinal) ? !silos.Contains(name)
                : name.StartsWith(WritingPrefix, StringComparison.Ordinal) && DateTime.UtcNow - File.GetLastWriteTimeUtc(Full(name)) > WritingTimeout;
            if (isOld)
            {
                File.Delete(Full(name));
            }
        }
    }

    private IEnumerable<string> Names() => Directory.EnumerateFileSystemEntries(Path).Select(entry => System.IO.Path.GetFileName(entry));

    private string Full(string name) => System.IO.Path.Combine(Path, name);

    private string NameOf(int version) => Full(string.Create(CultureInfo.InvariantCulture, $"{VersionPrefix}{version:D10}"));

    private string AliveOf(SiloAddress silo) => Full(AlivePrefix + silo.ToParsableString().Replace(':', '_'));

    private static int? VersionOf(string name) =>
        name.StartsWith(VersionPrefix, StringComparison.Ordinal)
        && int.TryParse(name.AsSpan(VersionPrefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var version) ? version : null;

    private static byte[] ReadBytes(string file)
    {
        using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        if (stream.Length > MembershipFormat.MaxBytes)
        {
            throw new InvalidDataException($"{file} is too large for a membership file: delete it if it is not this program's.");
        }

        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }

    private static void Write(string file, byte[] bytes, Durability durability)
    {
        using var stream = new FileStream(file, FileMode.CreateNew, FileAccess.Write);
        stream.Write(bytes);
        stream.Flush(flushToDisk: durability == Durability.Disk);
    }
}
