using System.Security.Cryptography;
using OrleansLLM.Testing;

namespace OrleansLLM.Cli.Tests.Cluster;

/// <summary>Processes of one cluster.</summary>
/// <param name="store">Where they meet, as the command line says it; null = in a folder.</param>
internal sealed class SiloProcesses(string[]? store = null) : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("silos-").FullName;
    private readonly List<RunningServer> _servers = [];

    public string Secret => field ??= WriteSecret("secret");

    public string WriteSecret(string name)
    {
        var path = Path.Combine(_folder, name);
        File.WriteAllText(path, RandomNumberGenerator.GetHexString(64));
        return path;
    }

    /// <summary>Comes back once its port answers, so that it is a member.</summary>
    public async Task<RunningServer> StartAsync(string role, string? name = null, params string[] options)
    {
        var server = await RunningServer.StartAsync(ReferenceData.Atlas, [.. Options(role, name ?? role, Secret), .. options]);
        _servers.Add(server);
        return server;
    }

    public string[] Options(string role, string name, string secret) =>
        ["--role", role, "--name", name, "--cluster-secret-file", secret, .. store ?? ["--clustering", $"file:{Path.Combine(_folder, "table")}"]];

    public async ValueTask DisposeAsync()
    {
        foreach (var server in _servers)
        {
            await server.DisposeAsync();
        }

        Directory.Delete(_folder, recursive: true);
    }
}
