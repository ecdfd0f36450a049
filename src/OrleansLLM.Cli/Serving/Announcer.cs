using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.Logging;
using OrleansLLM.Cli.Arguments;
using OrleansLLM.Cluster;
using OrleansLLM.Hosting;
using OrleansLLM.Text;

namespace OrleansLLM.Cli.Serving;

/// <summary>Says where the server is, what it serves, what loading took, and how to try it.</summary>
internal sealed partial class Announcer(IServer server, ServerOptions options, LogOutput output, ILogger<Announcer> logger)
{
    /// <summary>The address to type on this machine.</summary>
    public string Url
    {
        get
        {
            var bound = new Uri(server.Features.Get<IServerAddressesFeature>()!.Addresses.First().Replace("://[::]", "://[::1]", StringComparison.Ordinal));
            return string.Create(CultureInfo.InvariantCulture, $"http://{(bound.Host == "0.0.0.0" ? "127.0.0.1" : bound.Host)}:{bound.Port}");
        }
    }

    /// <summary>Once the port answers.</summary>
    public void OnListening(string path)
    {
        LogListening(Url, options.Host, path);
        WarnWhereOpen();
    }

    /// <summary>Once the port of a gateway answers whose workers are other processes.</summary>
    public void OnWaiting(string model)
    {
        LogWaiting(Url, options.Host, model);
        WarnWhereOpen();
    }

    /// <summary>Once this process is a member of a cluster.</summary>
    public void OnJoined(ClusterView cluster, ClusterMemberOptions member)
    {
        var others = cluster.Silos.Where(silo => silo.Name != cluster.Name).Select(silo => silo.Name).ToList();
        LogJoined(member.ClusterId, cluster.Name, cluster.Address, member.Clustering, others.Count == 0 ? "nobody else yet" : string.Join(", ", others));
    }

    /// <summary>Once a gateway's workers answer.</summary>
    public void OnServed(FleetModels fleet, TimeSpan sinceStart)
    {
        LogServed(fleet.Models[0].Name, sinceStart.TotalSeconds, string.Join(", ", fleet.Workers));
        WriteTrial(fleet.Models[0]);
    }

    private void WarnWhereOpen()
    {
        if (options.IsOpenToOthers && options.Gateway.ApiKeys.Count == 0)
        {
            LogOpen(options.Host);
        }
    }

    /// <summary>Once the model answers.</summary>
    public void OnReady(LoadedModel loaded, TimeSpan sinceStart)
    {
        LogReady(loaded.Served.Name, sinceStart.TotalSeconds, loaded.Engine.Facts.Device, loaded.Report.ToString());
        LogMemory(loaded.Report.WeightBytes / 1e6, loaded.Report.KvCacheBytes / 1e6, loaded.Engine.Facts.TotalBlocks, loaded.Engine.Facts.BlockSize);
    }

    /// <summary>How to try it, where requests are answered.</summary>
    public void WriteTrial(ServedModel model)
    {
        if (options.LogFormat == LogFormat.Text)
        {
            output.WriteLine($"\nTry it:\n  {Curl(model)}\n");
        }
    }

    private string Curl(ServedModel model)
    {
        var key = options.Gateway.ApiKeys.Count > 0 ? " -H 'Authorization: Bearer YOUR_KEY'" : "";
        var name = JsonEncodedText.Encode(model.Name); // without a quote that would end the shell's string
        var (path, body) = model.Template is null
            ? ("completions", $$"""{"model":"{{name}}","prompt":"Once upon a time","max_tokens":32}""")
            : ("chat/completions", $$"""{"model":"{{name}}","messages":[{"role":"user","content":"What is the capital of France?"}]}""");
        return $"curl {Url}/v1/{path}{key} -H 'Content-Type: application/json' -d '{body}'";
    }

    [LoggerMessage(LogLevel.Information, "Listening on {Url} (host {Host}), loading {Path}")]
    private partial void LogListening(string url, string host, string path);

    [LoggerMessage(LogLevel.Information, "Listening on {Url} (host {Host}), waiting for a worker that serves {Model}")]
    private partial void LogWaiting(string url, string host, string model);

    [LoggerMessage(LogLevel.Information, "Joined cluster {Cluster} as {Name}, at {Address} for other silos, over {Store}; with {Others}")]
    private partial void LogJoined(string cluster, string name, string address, Clustering store, string others);

    [LoggerMessage(LogLevel.Information, "Serving {Model}, {Seconds:F2} s after the start, by {Workers}")]
    private partial void LogServed(string model, double seconds, string workers);

    [LoggerMessage(LogLevel.Warning, "Anybody who reaches {Host} can use this server: give it an --api-key, or listen on 127.0.0.1.")]
    private partial void LogOpen(string host);

    [LoggerMessage(LogLevel.Information, "Serving {Model}, {Seconds:F2} s after the start, on {Device}; loading took {Report}")]
    private partial void LogReady(string model, double seconds, string device, string report);

    [LoggerMessage(LogLevel.Information, "Weights: {WeightMegabytes:F0} MB. KV cache: {CacheMegabytes:F0} MB at most, {Blocks} blocks of {BlockSize} slots")]
    private partial void LogMemory(double weightMegabytes, double cacheMegabytes, int blocks, int blockSize);
}
