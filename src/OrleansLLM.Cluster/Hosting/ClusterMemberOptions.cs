using System.Net;

namespace OrleansLLM.Cluster;

/// <summary>How a process is a silo: what it is for, whom it joins, and where the others reach it.</summary>
public sealed record ClusterMemberOptions
{
    public SiloRoles Roles { get; init; } = SiloRoles.Gateway | SiloRoles.Worker;

    public Clustering Clustering { get; init; } = new Clustering.Local();

    /// <summary>Silos of different ids never meet, also where they share a store.</summary>
    public string ClusterId { get; init; } = "orleansllm";

    /// <summary>A file that holds what the cluster's silos share, see <see cref="ClusterSecret"/>; null = drawn at random, for a cluster of one.</summary>
    public string? SecretFile { get; init; }

    /// <summary>Where other silos connect; null or 0 = a free one.</summary>
    public int? SiloPort { get; init; }

    /// <summary>The address at which other silos reach this one, which is also where it listens; null = loopback.</summary>
    public IPAddress? Advertise { get; init; }

    /// <summary>The silo's name, which no other living one has; null = the machine's with the silo's port.</summary>
    public string? Name { get; init; }

    /// <summary>Whether silos may talk beyond loopback though anybody on the way can read and change what they say.</summary>
    public PlainSilos PlainSilos { get; init; }

    internal bool IsReachedByOthers => Advertise is not null && !IPAddress.IsLoopback(Advertise);
}

public enum PlainSilos
{
    /// <summary>Between processes of one machine only.</summary>
    OnLoopback,
    Anywhere,
}
