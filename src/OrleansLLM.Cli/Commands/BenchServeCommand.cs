using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using OrleansLLM.Cli.Arguments;
using OrleansLLM.Cli.Bench;
using OrleansLLM.Cli.Client;
using OrleansLLM.Cli.Terminal;

namespace OrleansLLM.Cli.Commands;

/// <summary><c>bench serve</c>: loads any OpenAI server and prints what <c>vllm bench serve</c> prints.</summary>
internal sealed class BenchServeCommand
{
    private readonly Option<string> _backend = ModelArguments.Choice(
        "--backend", "openai asks /v1/completions, openai-chat /v1/chat/completions.", "openai", "openai", "openai-chat");

    private readonly ClientArguments _server = new("--base-url");

    private readonly Option<string?> _endpoint = new("--endpoint") { HelpName = "PATH", Description = "Another path than the backend's own." };

    private readonly WorkloadArguments _workload = new();

    private readonly Option<double?> _rate = new("--request-rate")
    {
        HelpName = "PER SECOND",
        Description = "Requests a second. Default: inf, all at once.",
        CustomParser = ParseRate,
    };

    private readonly Option<double?> _burstiness = Decimals.Option(
        "--burstiness", "SHAPE", "1 is a Poisson process, below 1 arrivals clump, above 1 they even out. Default: 1.");

    private readonly Option<long?> _maxConcurrency = ModelArguments.Number(
        "--max-concurrency", "COUNT", "Requests under way at most. Default: no limit.", 1, 100_000);

    private readonly Option<bool> _ignoreEos = new("--ignore-eos") { Description = "Answers go on to their full length." };

    private readonly Option<double?> _temperature = Decimals.Option("--temperature", "T", "Default: what the server takes.");

    private readonly Option<bool> _saveResult = new("--save-result") { Description = "Write the figures as JSON." };

    private readonly Option<bool> _saveDetailed = new("--save-detailed") { Description = "The same, with every request." };

    private readonly Option<string?> _resultFolder = new("--result-dir") { HelpName = "FOLDER", Description = "Default: here." };

    private readonly Option<string?> _resultFile = new("--result-filename") { HelpName = "FILE", Description = "Default: made of backend, rate, model and date." };

    public static Command Create()
    {
        var options = new BenchServeCommand();
        var command = new Command("serve", "Load an OpenAI server; prints what `vllm bench serve` prints.");
        foreach (var option in new Option[]
        {
            options._backend, options._endpoint, options._rate, options._burstiness,
            options._maxConcurrency, options._ignoreEos, options._temperature, options._saveResult, options._saveDetailed,
            options._resultFolder, options._resultFile,
        })
        {
            command.Options.Add(option);
        }

        options._server.AddTo(command);
        options._workload.AddTo(command);
        command.SetAction(options.RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult result, CancellationToken cancellation)
    {
        using var client = _server.Connect(result);
        try
        {
            var model = await _server.GetModelAsync(result, client, cancellation).ConfigureAwait(false);
            var report = await MeasureAsync(result, client, model, cancellation).ConfigureAwait(false);
            Console.Write(report.ToText());
            Save(result, model, report);
            return report.Completed > 0 ? 0 : 1;
        }
        catch (HttpRequestException error)
        {
            await Console.Error.WriteLineAsync($"{client.BaseAddress}: {error.Message}").ConfigureAwait(false);
            return 1;
        }
    }

    private async Task<BenchReport> MeasureAsync(ParseResult result, ServerClient client, string model, CancellationToken cancellation)
    {
        var kind = result.GetValue(_backend) == "openai" ? PromptKind.Completion : PromptKind.Chat;
        var plan = new LoadPlan(
            result.GetValue(_endpoint)?.TrimStart('/') ?? (kind == PromptKind.Completion ? "v1/completions" : "v1/chat/completions"),
            model, _workload.Read(result), result.GetValue(_rate) ?? double.PositiveInfinity, result.GetValue(_burstiness) ?? 1,
            (int?)result.GetValue(_maxConcurrency), _workload.Seed(result), ExtraBody(result));
        var facts = new BenchFacts(
            result.GetValue(_backend)!, model, plan.Items.Count, plan.Rate, plan.Burstiness, plan.MaxConcurrency, DateTimeOffset.Now);
        var prompts = await PromptMaker.CreateAsync(client, model, kind, plan.Seed, cancellation).ConfigureAwait(false);
        var driver = new LoadDriver(client, prompts);
        var (seconds, records) = await ProgressBar.RunAsync(
            "Requests", plan.Items.Count, advance => driver.RunAsync(plan, _ => advance(), cancellation)).ConfigureAwait(false);
        if (records.FirstOrDefault(record => !record.Succeeded) is { } failed)
        {
            await Console.Error.WriteLineAsync($"The first failure: {failed.Error}").ConfigureAwait(false);
        }

        return new BenchReport(facts, seconds, records);
    }

    private JsonObject ExtraBody(ParseResult result)
    {
        var body = new JsonObject();
        if (result.GetValue(_ignoreEos))
        {
            body["ignore_eos"] = true;
        }

        if (result.GetValue(_temperature) is { } temperature)
        {
            body["temperature"] = temperature;
        }

        return body;
    }

    private void Save(ParseResult result, string model, BenchReport report)
    {
        var detailed = result.GetValue(_saveDetailed);
        if (!detailed && !result.GetValue(_saveResult))
        {
            return;
        }

        var rate = result.GetValue(_rate) ?? double.PositiveInfinity;
        var name = result.GetValue(_resultFile) ?? string.Create(
            CultureInfo.InvariantCulture,
            $"{result.GetValue(_backend)}-{(double.IsPositiveInfinity(rate) ? "inf" : rate)}qps-{Path.GetFileName(model)}-{DateTimeOffset.Now:yyyyMMdd-HHmmss}.json");
        var file = Path.Combine(result.GetValue(_resultFolder) ?? ".", name);
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(file))!);
        var json = report.ToJson(detailed ? SavedDetail.EveryRequest : SavedDetail.Summary);
        File.WriteAllText(file, json.ToJsonString(new JsonSerializerOptions { WriteIndented = true }));
        Console.WriteLine($"Written: {file}");
    }

    private static double? ParseRate(System.CommandLine.Parsing.ArgumentResult result)
    {
        var text = result.Tokens[0].Value;
        if (text.Equals("inf", StringComparison.OrdinalIgnoreCase))
        {
            return double.PositiveInfinity;
        }

        if (!double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var rate) || rate <= 0)
        {
            result.AddError($"--request-rate takes a number above 0, or inf, not '{text}'.");
        }

        return rate;
    }
}
