using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using OrleansLLM.Cli.Arguments;
using OrleansLLM.Cli.Bench;
using OrleansLLM.Cli.Serving;
using OrleansLLM.Cli.Terminal;
using OrleansLLM.Engine;
using OrleansLLM.Hosting;

namespace OrleansLLM.Cli.Commands;

/// <summary><c>bench throughput</c>: an engine in this process, without HTTP, given all requests at once.</summary>
internal sealed class BenchThroughputCommand
{
    private readonly Argument<string> _path = new("model") { Description = "A Hugging Face folder or a GGUF file." };

    private readonly ModelArguments _model = new();

    private readonly WorkloadArguments _workload = new();

    private readonly Option<string?> _output = new("--output-json") { HelpName = "FILE", Description = "Write the figures as JSON." };

    public static Command Create()
    {
        var options = new BenchThroughputCommand();
        var command = new Command("throughput", "Measure an engine in this process; prints what `vllm bench throughput` prints.");
        command.Arguments.Add(options._path);
        command.Options.Add(options._output);
        options._workload.AddTo(command);
        options._model.AddTo(command);
        command.SetAction(options.RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult result, CancellationToken cancellation)
    {
        var items = _workload.Read(result);
        var options = _model.Read(result, result.GetValue(_path)!, []);
        options = options with { MaxWaitingRequests = Math.Max(options.MaxWaitingRequests, items.Count) };
        try
        {
            using var logs = Logs.OfTerminal();
            using var model = await LoadingDisplay.RunAsync(
                options.Path, progress => ModelLoader.LoadAsync(options, progress, cancellation, loggers: logs.Factory)).ConfigureAwait(false);
            using var generator = new EngineGenerator(model.Engine, TimeProvider.System);
            var driver = new EngineDriver(generator, options.Name, model.Engine.Facts.VocabularySize);
            var report = await ProgressBar.RunAsync(
                "Requests", items.Count, advance => driver.RunAsync(items, _workload.Seed(result), advance, cancellation)).ConfigureAwait(false);
            Console.WriteLine(report);
            Console.WriteLine(FormattableString.Invariant($"Total num prompt tokens:  {report.PromptTokens}"));
            Console.WriteLine(FormattableString.Invariant($"Total num output tokens:  {report.OutputTokens}"));
            Save(result.GetValue(_output), report);
            return 0;
        }
        catch (Exception error) when (error is ModelLoadException or InvalidOperationException)
        {
            await Console.Error.WriteLineAsync(error.Message).ConfigureAwait(false);
            return 1;
        }
    }

    private static void Save(string? file, ThroughputReport report)
    {
        if (file is null)
        {
            return;
        }

        var json = new JsonObject
        {
            ["elapsed_time"] = report.Seconds,
            ["num_requests"] = report.Requests,
            ["total_num_tokens"] = report.PromptTokens + report.OutputTokens,
            ["requests_per_second"] = report.Requests / report.Seconds,
            ["tokens_per_second"] = (report.PromptTokens + report.OutputTokens) / report.Seconds,
        };
        File.WriteAllText(file, json.ToJsonString(new JsonSerializerOptions { WriteIndented = true }));
    }
}
