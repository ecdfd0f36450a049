using System.Diagnostics;
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
        await CompareFirstTokensAsync(host.Services.GetRequiredService<IGenerator>(), bare, model.Engine.Facts, pairs);
        await host.StopAsync();
    }

    private static async Task CompareFirstTokensAsync(IGenerator grains, IGenerator bare, EngineFacts facts, int pairs)
    {
        var differences = new List<double>();
        for (var pair = 0; pair < pairs; pair++)
        {
            var through = await FirstTokensAsync(grains, facts, seed: pair);
            var direct = await FirstTokensAsync(bare, facts, seed: pair);
            differences.Add(through - direct);
            Console.WriteLine(FormattableString.Invariant($"mean time to first token: grains {through:F1} ms, bare engine {direct:F1} ms"));
        }

        Console.WriteLine(FormattableString.Invariant($"grains cost {Load.Median(differences):F1} ms of time to first token (median of {pairs} pairs, 32 requests at once)"));
    }

    /// <summary>Mean over 32 requests that come at once, in milliseconds.</summary>
    private static async Task<double> FirstTokensAsync(IGenerator generator, EngineFacts facts, int seed)
    {
        var times = await Task.WhenAll(Enumerable.Range(0, 32).Select(async i =>
        {
            var prompt = Load.Prompt(32, facts.VocabularySize, (seed * 32) + i);
            var started = Stopwatch.GetTimestamp();
            var first = 0.0;
            var sequences = await Load.SubmitAsync(generator, Load.Request(facts.Model, prompt, 2));
            await Load.ReadAsync(generator, sequences[0], prompt.Length, _ =>
                first = first == 0 ? Stopwatch.GetElapsedTime(started).TotalMilliseconds : first);
            return first;
        }));
        return times.Average();
    }
}
