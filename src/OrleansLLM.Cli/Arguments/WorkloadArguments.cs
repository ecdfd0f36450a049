using System.CommandLine;
using OrleansLLM.Cli.Bench;

namespace OrleansLLM.Cli.Arguments;

/// <summary>Which requests a benchmark makes: the same for <c>bench serve</c> and <c>bench throughput</c>.</summary>
internal sealed class WorkloadArguments
{
    private readonly Option<string> _dataset = ModelArguments.Choice(
        "--dataset-name", "random: uniform lengths. sharegpt-like: lognormal lengths with ShareGPT's means, 161 in and 338 out.",
        "random", "random", "sharegpt-like");

    private readonly Option<long?> _prompts = ModelArguments.Number("--num-prompts", "COUNT", "Requests. Default: 100.", 1, 1_000_000);

    private readonly Option<long?> _input = ModelArguments.Number("--random-input-len", "TOKENS", "Default: 128.", 1, 1 << 20);

    private readonly Option<long?> _output = ModelArguments.Number("--random-output-len", "TOKENS", "Default: 128.", 1, 1 << 20);

    private readonly Option<double?> _ratio = Decimals.Option(
        "--random-range-ratio", "RATIO", "Lengths vary within (1 ± RATIO) of the two above; 0 up to 1.",
        "a number from 0 up to, but not, 1", ratio => ratio is >= 0 and < 1);

    private readonly Option<long?> _maxTokens = ModelArguments.Number(
        "--max-request-len", "TOKENS", "sharegpt-like: prompt and output together at most. Default: 2048.", 2, 1 << 20);

    private readonly Option<int> _seed = new("--seed") { HelpName = "SEED", Description = "The same seed makes the same requests." };

    public void AddTo(Command command)
    {
        foreach (var option in new Option[] { _dataset, _prompts, _input, _output, _ratio, _maxTokens, _seed })
        {
            command.Options.Add(option);
        }
    }

    public int Seed(ParseResult result) => result.GetValue(_seed);

    public IReadOnlyList<WorkItem> Read(ParseResult result)
    {
        var count = (int)(result.GetValue(_prompts) ?? 100);
        return result.GetValue(_dataset) == "random"
            ? Workload.Uniform(
                count, (int)(result.GetValue(_input) ?? 128), (int)(result.GetValue(_output) ?? 128), result.GetValue(_ratio) ?? 0, Seed(result))
            : Workload.ShareGptLike(count, (int)(result.GetValue(_maxTokens) ?? 2048), Seed(result));
    }
}
