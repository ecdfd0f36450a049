using System.Runtime.InteropServices;

namespace OrleansLLM.Cli.Serving;

/// <summary>What the process was told about SIGHUP by whoever started it.</summary>
internal static partial class Hangup
{
    private const int Number = 1;
    private const nint Ignore = 1;

    /// <summary>As nohup does; a handler of ours would undo it.</summary>
    public static bool IsIgnored
    {
        get
        {
            if (OperatingSystem.IsWindows())
            {
                return false;
            }

            // There is no way to look without setting; nothing of ours handles the signal yet.
            var before = Signal(Number, Ignore);
            if (before != Ignore)
            {
                _ = Signal(Number, before);
            }

            return before == Ignore;
        }
    }

    [LibraryImport("libc", EntryPoint = "signal")]
    private static partial nint Signal(int number, nint handler);
}
