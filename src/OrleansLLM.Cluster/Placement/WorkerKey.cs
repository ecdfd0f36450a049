using System.Globalization;

namespace OrleansLLM.Cluster;

/// <summary>Grain keys of workers: <c>silo/device</c>, as <see cref="WorkerId"/> is written.</summary>
internal static class WorkerKey
{
    public static WorkerId Parse(string key)
    {
        var slash = key.LastIndexOf('/');
        return new WorkerId(key[..slash], int.Parse(key.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture));
    }

    /// <summary>The silo's name in the key of a worker or of a sink.</summary>
    public static string SiloOf(string key) => key.LastIndexOf('/') is var slash and >= 0 ? key[..slash] : key;
}
