using System.CommandLine;
using OrleansLLM.Cli.Arguments;
using OrleansLLM.Cli.Chaos;
using OrleansLLM.Cluster;

namespace OrleansLLM.Cli.Commands;

/// <summary><c>chaos</c>: a cluster of real processes on this machine whose members are killed, hung and stopped under load.</summary>
internal sealed class ChaosCommand
{
    private readonly Option<string> _model = new("--model")
    {
        HelpName = "PATH", Description = "A Hugging Face folder, or a GGUF file. Default: models/atlas here.", DefaultValueFactory = _ => Path.Combine("models", "atlas"),
    };

    private readonly Option<long?> _sequences = ModelArguments.Number(
        "--sequences", "COUNT", "Sequences to compare at least; they are renewed until all faults are done. Default: 500.", 1, 1_000_000);

    private readonly Option<long?> _faults = ModelArguments.Number("--faults", "COUNT", "Processes to hit, one after another. Default: 30.", 0, 10_000);

    private readonly Option<int> _seed = new("--seed") { HelpName = "SEED", Description = "The same seed makes the same requests and the same order of faults." };

    private readonly Option<long?> _streams = ModelArguments.Number("--max-concurrency", "COUNT", "Requests under way at once. Default: 64.", 1, 10_000);

    private readonly Option<long?> _gateways = ModelArguments.Number("--gateways", "COUNT", "Default: 2.", 2, 64);

    private readonly Option<long?> _workers = ModelArguments.Number("--workers", "COUNT", "Default: 2.", 2, 64);

    private readonly Option<string?> _store = new("--clustering")
    {
        HelpName = "STORE", Description = "Where the silos meet: file:PATH, redis or postgres. Default: a folder of its own.",
    };

    private readonly Option<string?> _connection = new("--clustering-connection") { HelpName = "CONNECTION", Description = "As of serve." };

    private readonly Option<string?> _timeline = new("--timeline")
    {
        HelpName = "FILE", Description = "Write what every process and client said, in milliseconds. Default: kept only where something was wrong.",
    };

    public static Command Create()
    {
        var options = new ChaosCommand();
        var command = new Command(
            "chaos", "Start gateways and workers on this machine, kill, hang and stop them under load, and compare every stream with an undisturbed run.");
        foreach (var option in new Option[]
        {
            options._model, options._sequences, options._faults, options._seed, options._streams, options._gateways, options._workers, options._store,
            options._connection, options._timeline,
        })
        {
            command.Options.Add(option);
        }

        command.Validators.Add(result =>
        {
            if (OperatingSystem.IsWindows())
            {
                result.AddError("chaos stops processes with signals, which Windows does not have: run it on Linux or macOS.");
            }

            if (result.GetValue(options._store) is { } store && (store == "local" || !Clustering.TryParse(store, result.GetValue(options._connection) ?? "x", out _, out _)))
            {
                result.AddError($"--clustering takes file:PATH, redis or postgres here, not '{store}'.");
            }

            if (result.GetValue(options._model) is { } model && !Path.Exists(model))
            {
                result.AddError($"{model} is not there: give a Hugging Face folder or a GGUF file with --model.");
            }
        });
        command.SetAction(options.RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult result, CancellationToken cancellation)
    {
        var plan = new ChaosPlan(
            result.GetValue(_model)!, (int)(result.GetValue(_sequences) ?? 500), (int)(result.GetValue(_faults) ?? 30), result.GetValue(_seed),
            (int)(result.GetValue(_streams) ?? 64), (int)(result.GetValue(_gateways) ?? 2), (int)(result.GetValue(_workers) ?? 2),
            result.GetValue(_store), result.GetValue(_connection), result.GetValue(_timeline));
        var folder = Directory.CreateTempSubdirectory("orleansllm-chaos-").FullName;
        var path = plan.Timeline ?? Path.Combine(folder, "timeline.txt");
        var isClean = false;
        try
        {
            using var timeline = new Timeline(path);
            using var run = new ChaosRun(plan, folder, timeline);
            var report = await run.RunAsync(cancellation).ConfigureAwait(false);
            isClean = report.IsClean;
            Console.WriteLine(isClean ? report.ToString() : $"What every process and client said: {path}\n{report}");
        }
        catch (ChaosException error)
        {
            await Console.Error.WriteLineAsync(error.Message).ConfigureAwait(false);
        }
        finally
        {
            if (isClean || cancellation.IsCancellationRequested)
            {
                Directory.Delete(folder, recursive: true);
            }
        }

        return isClean ? 0 : 1;
    }
}
