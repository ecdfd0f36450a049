using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OrleansLLM.Cli.Bench;
using OrleansLLM.Cluster;
using OrleansLLM.Engine;

namespace OrleansLLM.Benchmarks;

/// <summary>32 concurrent requests on one engine, through the grains of a cluster of one and straight, in turn.</summary>
internal static class GrainCost
{
    public static async Task RunAsync(string[] arguments)
    {
        var pairs = arguments.Length > 1 ? int.Parse(arguments[1], CultureInfo.InvariantCulture) : 5;
        using var model = await Load.OpenAsync(arguments[0], PrefixCaching.Off);
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Logging.AddFilter(level => level >= LogLevel.Error);
        builder.AddClusterOfOne();
        using var host = builder.Build();
        await host.StartAsync();
        await host.Services.GetRequiredService<LocalWorkers>().AttachAsync(0, model.Engine, CancellationToken.None);
        using var bare = new EngineGenerator(model.Engine, TimeProvider.System);
        var vocabulary = model.Engine.Facts.VocabularySize;
        var straight = new EngineDriver(bare, model.Served.Name, vocabulary);
        var grains = new EngineDriver(host.Services.GetRequiredService<IGenerator>(), model.Served.Name, vocabulary);
        var items = Workload.Uniform(32, 32, 128, 0, seed: 0);
        var ratios = new List<double>();
        for (var pair = -1; pair < pairs; pair++)
        {
            var through = await grains.RunAsync(items, 0, () => { }, CancellationToken.None);
            var direct = await straight.RunAsync(items, 0, () => { }, CancellationToken.None);
            if (pair >= 0)
            {
                ratios.Add(through.OutputTokensPerSecond / direct.OutputTokensPerSecond);
                Console.WriteLine(FormattableString.Invariant(
                    $"grains {through.OutputTokensPerSecond:F0} tokens/s, bare engine {direct.OutputTokensPerSecond:F0} tokens/s"));
            }
        }

        Console.WriteLine(FormattableString.Invariant($"grains cost {(1 - Load.Median(ratios)) * 100:F1} % of tokens/s (median of {pairs} pairs, 32 requests, 32 in, 128 out)"));
        await host.StopAsync();
    }
}
