using System.Runtime.InteropServices;

namespace OrleansLLM.Cluster;

/// <summary>Makes a whole file appear under a name that nobody has, or not at all.</summary>
internal static partial class ExclusiveFile
{
    private const int NoSuchFile = 2;
    private const int FileExists = 17;

    /// <summary>Gives a written file a second name, or its only other one, in one step; false where the name is taken, or the file has gone.</summary>
    /// <exception cref="IOException">The file system can't do that.</exception>
    public static bool TryPublish(string written, string name)
    {
        if (OperatingSystem.IsWindows())
        {
            return TryMove(written, name);
        }

        // File.Move would copy where there are no hard links, and show half of a file.
        return Link(written, name) == 0 || (Marshal.GetLastPInvokeError() switch
        {
            FileExists or NoSuchFile => false,
            var error => throw new IOException(
                $"{name} can't be made as a hard link ({Marshal.GetPInvokeErrorMessage(error)}): give --clustering file: a folder of a local file system that has them."),
        });
    }

    private static bool TryMove(string written, string name)
    {
        try
        {
            File.Move(written, name, overwrite: false);
            return true;
        }
        catch (IOException) when (File.Exists(name) || !File.Exists(written))
        {
            return false;
        }
    }

    [LibraryImport("libc", EntryPoint = "link", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Link(string file, string name);
}
