namespace OrleansLLM.Cluster;

/// <summary>Why nobody waits for an attempt that a worker holds.</summary>
internal enum OrphanCause
{
    /// <summary>Another attempt goes on with the sequence.</summary>
    Older,

    /// <summary>The sequence has ended.</summary>
    Ended,

    /// <summary>No log of it is here.</summary>
    Unknown,

    /// <summary>Its gateway died, and another worker's copy was gone on with.</summary>
    NotChosen,
}
