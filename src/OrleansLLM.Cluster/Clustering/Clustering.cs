using System.Diagnostics.CodeAnalysis;

namespace OrleansLLM.Cluster;

/// <summary>Where the silos of a cluster find each other: the membership table that all of them read and write.</summary>
public abstract record Clustering
{
    private const string FilePrefix = "file:";

    /// <summary>What <see cref="TryParse"/> takes, as help and errors say it.</summary>
    public const string Choices = "local, file:PATH, redis or postgres";

    private Clustering()
    {
    }

    /// <summary>In this process's memory: a cluster of one, without a port.</summary>
    public sealed record Local : Clustering
    {
        public override string ToString() => "local";
    }

    /// <summary>In a folder, for processes of one machine.</summary>
    /// <param name="Path">Of a local file system that has hard links; it need not be there yet.</param>
    public sealed record File(string Path) : Clustering
    {
        public override string ToString() => FilePrefix + Path;
    }

    /// <param name="Connection">As StackExchange.Redis reads it: <c>host:port,password=...</c>.</param>
    public sealed record Redis(string Connection) : Clustering
    {
        public override string ToString() => "redis"; // the connection may hold a password
    }

    /// <param name="Connection">As Npgsql reads it: <c>Host=...;Database=...;Username=...</c>.</param>
    public sealed record Postgres(string Connection) : Clustering
    {
        public override string ToString() => "postgres";
    }

    /// <param name="connection">For <c>redis</c> and <c>postgres</c>, which need one; the others have none.</param>
    /// <param name="problem">Where it can't be read: what to change, as a sentence.</param>
    public static bool TryParse(string text, string? connection, [NotNullWhen(true)] out Clustering? clustering, [NotNullWhen(false)] out string? problem)
    {
        (clustering, problem) = text switch
        {
            "redis" or "postgres" when string.IsNullOrWhiteSpace(connection) => (null, $"--clustering {text} needs --clustering-connection, such as '{Example(text)}'."),
            "redis" => (new Redis(connection), null),
            "postgres" => (new Postgres(connection), null),
            _ when connection is not null && IsWithoutConnection(text) => (null, $"--clustering-connection is for redis and postgres: leave it out, or give one of them instead of --clustering {text}."),
            "local" => (new Local(), null),
            FilePrefix => (null, "--clustering file: needs the path of a folder, such as file:/var/lib/orleansllm."),
            _ when IsWithoutConnection(text) => (new File(text[FilePrefix.Length..]), null),
            _ => ((Clustering?)null, (string?)$"--clustering takes {Choices}, not '{text}'."),
        };
        return clustering is not null;
    }

    private static bool IsWithoutConnection(string text) => text == "local" || text.StartsWith(FilePrefix, StringComparison.Ordinal);

    private static string Example(string text) =>
        text == "redis" ? "127.0.0.1:6379" : "Host=127.0.0.1;Database=orleansllm;Username=orleansllm;Password=...";
}
