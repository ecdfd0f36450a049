namespace OrleansLLM.Gateway;

/// <summary>Whether a server that takes requests should be sent any, for <c>/health/ready</c>. Where a host brings none, it is ready while it takes requests.</summary>
public interface IReadiness
{
    /// <summary>Null where it should, else why not, as a sentence.</summary>
    string? WhyNotReady { get; }
}
