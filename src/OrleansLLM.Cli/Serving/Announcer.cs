using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.Logging;
using OrleansLLM.Cli.Arguments;
using OrleansLLM.Hosting;

namespace OrleansLLM.Cli.Serving;

/// <summary>Says where the server is, what it serves, what loading took, and how to try it.</summary>
internal sealed partial class Announcer(IServer server, ModelHost model, ServerOptions options, LogOutput output, ILogger<Announcer> logger)
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
        if (options.IsOpenToOthers && options.Gateway.ApiKeys.Count == 0)
        {
            LogOpen(options.Host);
        }
    }

    /// <summary>Once the model answers.</summary>
    public void OnReady(LoadedModel loaded, TimeSpan sinceStart)
    {
        LogReady(model.Models[0].Name, sinceStart.TotalSeconds, loaded.Engine.Facts.Device, loaded.Report.ToString());
        LogMemory(loaded.Report.WeightBytes / 1e6, loaded.Report.KvCacheBytes / 1e6, loaded.Engine.Facts.TotalBlocks, loaded.Engine.Facts.BlockSize);
        if (options.LogFormat == LogFormat.Text)
        {
            output.WriteLine($"\nTry it:\n  {Curl(loaded)}\n");
        }
    }

    private string Curl(LoadedModel loaded)
    {
        var key = options.Gateway.ApiKeys.Count > 0 ? " -H 'Authorization: Bearer YOUR_KEY'" : "";
        var name = JsonEncodedText.Encode(loaded.Served.Name); // without a quote that would end the shell's string
        var (path, body) = loaded.Served.Template is null
            ? ("completions", $$"""{"model":"{{name}}","prompt":"Once upon a time","max_tokens":32}""")
            : ("chat/completions", $$"""{"model":"{{name}}","messages":[{"role":"user","content":"What is the capital of France?"}]}""");
        return $"curl {Url}/v1/{path}{key} -H 'Content-Type: application/json' -d '{body}'";
    }

    [LoggerMessage(LogLevel.Information, "Listening on {Url} (host {Host}), loading {Path}")]
    private partial void LogListening(string url, string host, string path);

    [LoggerMessage(LogLevel.Warning, "Anybody who reaches {Host} can use this server: give it an --api-key, or listen on 127.0.0.1.")]
    private partial void LogOpen(string host);

    [LoggerMessage(LogLevel.Information, "Serving {Model}, {Seconds:F2} s after the start, on {Device}; loading took {Report}")]
    private partial void LogReady(string model, double seconds, string device, string report);

    [LoggerMessage(LogLevel.Information, "Weights: {WeightMegabytes:F0} MB. KV cache: {CacheMegabytes:F0} MB at most, {Blocks} blocks of {BlockSize} slots")]
    private partial void LogMemory(double weightMegabytes, double cacheMegabytes, int blocks, int blockSize);
}
