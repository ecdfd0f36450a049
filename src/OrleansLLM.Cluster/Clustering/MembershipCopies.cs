namespace OrleansLLM.Cluster;

internal static class MembershipCopies
{
    /// <summary>Whoever has the original goes on writing to it.</summary>
    public static MembershipEntry Copy(this MembershipEntry entry) => new()
    {
        SiloAddress = entry.SiloAddress,
        Status = entry.Status,
        SuspectTimes = [.. entry.SuspectTimes ?? []],
        ProxyPort = entry.ProxyPort,
        HostName = entry.HostName,
        SiloName = entry.SiloName,
        RoleName = entry.RoleName,
        UpdateZone = entry.UpdateZone,
        FaultZone = entry.FaultZone,
        StartTime = entry.StartTime,
        IAmAliveTime = entry.IAmAliveTime,
    };
}
