namespace OrleansLLM.Cluster;

/// <summary>
/// What a silo is for. Roles are a set: a cluster of one has both. A silo hosts only the grain classes of its roles, so placement can't
/// go wrong while metadata is still on its way.
/// </summary>
[Flags]
public enum SiloRoles
{
    /// <summary>Takes requests and holds the logs of their sequences.</summary>
    Gateway = 1,

    /// <summary>Runs engines.</summary>
    Worker = 2,
}
