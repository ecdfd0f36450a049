using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OrleansLLM.Cli.Bench;
using OrleansLLM.Cluster;
using OrleansLLM.Engine;

namespace OrleansLLM.Benchmarks;

/// <summary>
/// 32 clients, each with its next request when an answer has ended, on one engine: through the grains of a cluster of one and straight, in
/// turn. The time to first token is split: what lies between a request's arrival in the engine and its first token's departure is the
/// engine's, the rest is the road's and does not drown in the noise of steps.
/// </summary>
internal static class GrainCost
{
    private const int Clients = 32;
    private const int RequestsPerClient = 4;

    public static async Task RunAsync(string[] arguments)
    {
        var pairs = arguments.Length > 1 ? int.Parse(arguments[1], CultureInfo.InvariantCulture) : 5;
        using var model = await Load.OpenAsync(arguments[0], PrefixCaching.Off);
        var engine = new TimedEngine(model.Engine);
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Logging.AddFilter(level => level >= LogLevel.Error);
        builder.AddClusterOfOne();
        using var host = builder.Build();
        await host.StartAsync();
        await host.Services.GetRequiredService<LocalWorkers>().AttachAsync(0, engine, CancellationToken.None);
        using var bare = new EngineGenerator(engine, TimeProvider.System);
        var grains = host.Services.GetRequiredService<IGenerator>();
        var (through, direct) = (new List<Run>(), new List<Run>());
        for (var pair = -1; pair < pairs; pair++)
        {
            var (first, second) = pair % 2 == 0 ? (grains, (IGenerator)bare) : (bare, grains);
            var (a, b) = (await RunOnceAsync(first, engine, pair), await RunOnceAsync(second, engine, pair));
            var (withGrains, without) = pair % 2 == 0 ? (a, b) : (b, a);
            Console.WriteLine($"{(pair < 0 ? "warm-up" : "pair " + pair)}: grains {withGrains}; bare engine {without}");
            if (pair >= 0)
            {
                through.Add(withGrains);
                direct.Add(without);
            }
        }

        Console.WriteLine(FormattableString.Invariant(
            $"grains cost {Median(run => -100 * run.TokensPerSecond / direct[through.IndexOf(run)].TokensPerSecond) + 100:F1} % of tokens/s, ")
            + FormattableString.Invariant($"{Difference(run => run.Road):F2} ms of the way to the first token, ")
            + FormattableString.Invariant($"{Difference(run => run.FirstToken):F1} ms of the mean time to first token ")
            + $"(medians of {pairs} pairs; {Clients} clients, {RequestsPerClient} requests each, 32 in, 32 to 96 out)");
        await host.StopAsync();

        double Median(Func<Run, double> value) => Load.Median(through.Select(value));
        double Difference(Func<Run, double> value) => Load.Median(through.Zip(direct, (a, b) => value(a) - value(b)));
    }

    private static async Task<Run> RunOnceAsync(IGenerator generator, TimedEngine engine, int seed)
    {
        var items = Workload.Uniform(Clients * RequestsPerClient, 32, 64, 0.5, seed);
        var started = Stopwatch.GetTimestamp();
        var answers = await Task.WhenAll(Enumerable.Range(0, Clients).Select(async client =>
        {
            var mine = new List<Answer>();
            for (var i = client * RequestsPerClient; i < (client + 1) * RequestsPerClient; i++)
            {
                mine.Add(await AnswerAsync(generator, engine, items[i], (seed * items.Count) + i));
            }

            return mine;
        }));
        var all = answers.SelectMany(mine => mine).ToArray();
        return new Run(
            all.Sum(answer => answer.Tokens) / Stopwatch.GetElapsedTime(started).TotalSeconds,
            all.Average(answer => answer.FirstToken),
            all.Average(answer => answer.Road));
    }

    private static async Task<Answer> AnswerAsync(IGenerator generator, TimedEngine engine, WorkItem item, int seed)
    {
        var prompt = Load.Prompt(32, engine.Facts.VocabularySize, seed);
        var request = Load.Request(engine.Facts.Model, prompt, item.OutputTokens);
        var (started, first, tokens) = (Stopwatch.GetTimestamp(), 0L, 0);
        var sequences = await Load.SubmitAsync(generator, request);
        await Load.ReadAsync(generator, sequences[0], prompt.Length, count =>
        {
            first = first == 0 ? Stopwatch.GetTimestamp() : first;
            tokens += count;
        });
        var inEngine = Stopwatch.GetElapsedTime(engine.ArrivedAt(request.Id), engine.FirstTokenAt(sequences[0])).TotalMilliseconds;
        var firstToken = Stopwatch.GetElapsedTime(started, first).TotalMilliseconds;
        return new Answer(tokens, firstToken, firstToken - inEngine);
    }

    /// <param name="FirstToken">Milliseconds.</param>
    /// <param name="Road">Of these, what passed outside the engine.</param>
    private sealed record Answer(int Tokens, double FirstToken, double Road);

    /// <param name="FirstToken">Mean, in milliseconds.</param>
    /// <param name="Road">Mean, in milliseconds.</param>
    private sealed record Run(double TokensPerSecond, double FirstToken, double Road)
    {
        public override string ToString() => FormattableString.Invariant($"{TokensPerSecond:F0} tokens/s, first token {FirstToken:F1} ms, of them {Road:F2} outside the engine");
    }
}
