using System.Runtime.InteropServices;

namespace OrleansLLM.Cli.Serving.Connections;

/// <summary>
/// How many files, connections among them, the system lets this process have open. Without a free one the runtime can't even start a thread,
/// and ends the process.
/// </summary>
internal static partial class OpenFiles
{
    /// <summary>Descriptors left to what is no connection, such as threads and assemblies that are loaded late.</summary>
    private const int Spare = 64;

    private const int LeastSpare = 4;

    /// <summary>Null where the system has no such limit.</summary>
    public static long? Limit => OperatingSystem.IsWindows() || GetLimit(OperatingSystem.IsLinux() ? 7 : 8, out var limit) != 0
        ? null
        : (long)Math.Min(limit.Current, long.MaxValue);

    /// <summary>
    /// Whether another connection fits. The system gives out the lowest descriptor that is free: its number says how many are taken.
    /// </summary>
    /// <param name="any">A descriptor of this process.</param>
    /// <param name="connections">That are open now.</param>
    public static bool HaveRoom(nint any, int connections)
    {
        if (Limit is not { } limit)
        {
            return true;
        }

        var lowest = Duplicate((int)any);
        if (lowest < 0)
        {
            return false;
        }

        _ = Close(lowest);
        return HaveRoom(limit, lowest, connections);
    }

    /// <param name="lowest">The lowest free descriptor.</param>
    internal static bool HaveRoom(long limit, int lowest, int connections)
    {
        var others = lowest - connections;
        return lowest < limit - Math.Clamp((limit - others) / 2, LeastSpare, Spare);
    }

    [LibraryImport("libc", EntryPoint = "getrlimit")]
    private static partial int GetLimit(int resource, out Limits limits);

    [LibraryImport("libc", EntryPoint = "dup")]
    private static partial int Duplicate(int descriptor);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);

    [StructLayout(LayoutKind.Sequential)]
    private readonly struct Limits
    {
        public readonly ulong Current;
        public readonly ulong Most;
    }
}
