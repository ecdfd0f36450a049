using System.Globalization;
using System.Net;
using System.Runtime.CompilerServices;

namespace OrleansLLM.Cluster.Tests.Clustering;

/// <summary>
/// What this program does instead of testing where the variable is set: it writes its row into a membership table, on and on, and a line with
/// each version that it wrote.
/// </summary>
internal static class MembershipWriter
{
    public const string Variable = "ORLEANSLLM_TEST_MEMBERSHIP_WRITER";

#pragma warning disable CA2255 // a test project's own program: nothing else may run before
    [ModuleInitializer]
    public static void RunWhereAsked()
    {
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } order)
        {
            Run(order.Split('|'));
        }
    }
#pragma warning restore CA2255

    /// <summary>On this thread alone: no other may use this program's types before its initializer is through.</summary>
    private static void Run(string[] order)
    {
        IMembershipTable table = new FileMembershipTable(order[0], order[1]);
        table.InitializeMembershipTableAsync(true).GetAwaiter().GetResult();
        var number = int.Parse(order[2], CultureInfo.InvariantCulture);
        var entry = new MembershipEntry { SiloAddress = SiloAddress.New(IPAddress.Loopback, number, 1), SiloName = "writer", HostName = "", Status = SiloStatus.Active, SuspectTimes = [] };
        while (true)
        {
            var data = table.ReadAllAsync().GetAwaiter().GetResult();
            var write = data.TryGet(entry.SiloAddress) is { } row
                ? table.UpdateRowAsync(entry, row.Item2, data.Version.Next())
                : table.InsertRowAsync(entry, data.Version.Next());
            if (write.GetAwaiter().GetResult())
            {
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{data.Version.Version + 1}"));
                table.UpdateIAmAliveAsync(entry).GetAwaiter().GetResult();
            }
        }
    }
}
