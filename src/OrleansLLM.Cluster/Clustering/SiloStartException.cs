namespace OrleansLLM.Cluster;

/// <summary>A silo that can't be a member of its cluster; the message says why, and what to change.</summary>
public sealed class SiloStartException : Exception
{
    public SiloStartException()
    {
    }

    public SiloStartException(string message)
        : base(message)
    {
    }

    public SiloStartException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
