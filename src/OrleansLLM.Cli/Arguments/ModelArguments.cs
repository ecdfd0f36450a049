using System.CommandLine;
using OrleansLLM.Compute;
using OrleansLLM.Engine;
using OrleansLLM.Hosting;

namespace OrleansLLM.Cli.Arguments;

/// <summary>How a model is loaded and run: the options that every command shares which loads one, by <c>vllm serve</c>'s names.</summary>
internal sealed class ModelArguments
{
    private const long MaxInt = int.MaxValue;

    /// <summary>A step in which every sequence decodes still computes that much of those that come.</summary>
    private const int PromptTokensBesideAnswers = 64;

    private readonly Option<long?> _maxModelLength = Number(
        "--max-model-len", "TOKENS", "Prompt and output tokens of a sequence at most. Default: what the model was made for.", 1, MaxInt);

    private readonly Option<long?> _maxSequences = Number(
        "--max-num-seqs", "COUNT", "Sequences that one step computes at most. Default: 256.", 1, 65_536);

    private readonly Option<long?> _maxBatchedTokens = Number(
        "--max-num-batched-tokens", "TOKENS", "Tokens that one step computes at most; longer prompts go in chunks. Default: 320, or 64 more than --max-num-seqs where that is more.", 1, 1 << 20);

    private readonly Option<long?> _maxStepTime = Number(
        "--max-step-time", "MILLISECONDS",
        "How long a step should take: prompts are computed in chunks that keep to it. Default: 250 on the CPU; 0 = any time.", 0, 3_600_000);

    private readonly Option<long?> _maxPartialPrefills = Number(
        "--max-num-partial-prefills", "COUNT", "Prompts that are computed at once, where a step does not finish them. Default: 4.", 1, 65_536);

    private readonly Option<long?> _maxLongPartialPrefills = Number(
        "--max-long-partial-prefills", "COUNT", "Of these, long ones: shorter ones pass those that wait. Default: 1.", 1, 65_536);

    private readonly Option<long?> _longPrefillTokenThreshold = Number(
        "--long-prefill-token-threshold", "TOKENS", "A prompt with more tokens to compute is long. Default: 4 % of --max-model-len.", 1, MaxInt);

    private readonly Option<long?> _blockSize = Number("--block-size", "SLOTS", "Token slots of a cache block. Default: 16.", 1, 4096);

    private readonly Option<long?> _kvCacheBytes = Number(
        "--kv-cache-memory-bytes", "BYTES",
        "Memory for keys and values. Default: half of what machine and container leave free, and no more than the largest batch can use.",
        1, long.MaxValue);

    private readonly Option<string> _kvCacheType = Choice(
        "--kv-cache-dtype", "How keys and values are kept.", "auto", "auto", "bfloat16", "float32");

    private readonly Option<string> _arithmetic = Choice(
        "--dtype", "auto: 8-bit activations for quantized weights (16-bit for 5- and 8-bit ones), else float32. float32: float activations on exactly decoded weights.",
        "auto", "auto", "float32");

    private readonly Option<bool> _prefixCaching = Switch(
        "--enable-prefix-caching", "Share the blocks of equal prompt beginnings. This is the default.");

    private readonly Option<bool> _noPrefixCaching = Switch("--no-enable-prefix-caching", "Do not share them.");

    private readonly Option<string> _preemption = Choice(
        "--preemption-mode", "What happens to a running sequence when blocks run out; auto takes what is cheaper.",
        "auto", "auto", "recompute", "swap");

    private readonly Option<double?> _swapSpace = Decimals.Option(
        "--swap-space", "GiB", "Memory that preempted sequences may be swapped to. Default: 0, or 1 with --preemption-mode swap.",
        "GiB from 0 to 65536", gibibytes => gibibytes is >= 0 and <= 65_536);

    private readonly Option<long?> _maxWaiting = Number(
        "--max-waiting-requests", "COUNT", "Requests that may wait before another, in the order of their service; with more it is answered with 429. Default: 1024.", 0, MaxInt);

    private readonly Option<long?> _threads = Number(
        "--threads", "COUNT", "Compute threads. Default: as many processors as machine and container allow.", 1, 1024);

    private readonly Option<bool> _faultInjection = Switch(
        "--fault-injection", "For tests alone: a prompt with orleansllm-fault-kill in it ends the process that computes it, orleansllm-fault-hang stops its engine.");

    public void AddTo(Command command)
    {
        foreach (var option in new Option[]
        {
            _maxModelLength, _maxSequences, _maxBatchedTokens, _maxStepTime, _maxPartialPrefills, _maxLongPartialPrefills,
            _longPrefillTokenThreshold, _blockSize, _kvCacheBytes, _kvCacheType, _arithmetic, _prefixCaching,
            _noPrefixCaching, _preemption, _swapSpace, _maxWaiting, _threads, _faultInjection,
        })
        {
            command.Options.Add(option);
        }

        command.Validators.Add(result =>
        {
            if (result.GetResult(_prefixCaching) is not null && result.GetResult(_noPrefixCaching) is not null)
            {
                result.AddError("--enable-prefix-caching and --no-enable-prefix-caching exclude each other: leave one out.");
            }
        });
    }

    public ModelOptions Read(ParseResult result, string path, IReadOnlyList<string> servedNames)
    {
        var standard = new ModelOptions { Path = path };
        var sequences = (int?)result.GetValue(_maxSequences) ?? standard.MaxSequences;
        var preemption = Enum.Parse<PreemptionMode>(result.GetValue(_preemption)!, ignoreCase: true);
        var swap = result.GetValue(_swapSpace) ?? (preemption == PreemptionMode.Swap ? 1 : 0);
        return standard with
        {
            ServedNames = servedNames,
            MaxModelLength = (int?)result.GetValue(_maxModelLength),
            MaxSequences = sequences,
            MaxBatchedTokens = (int?)result.GetValue(_maxBatchedTokens) ?? Math.Max(standard.MaxBatchedTokens, sequences + PromptTokensBesideAnswers),
            MaxStepTime = result.GetValue(_maxStepTime) is { } milliseconds ? TimeSpan.FromMilliseconds(milliseconds) : null,
            MaxPartialPrefills = (int?)result.GetValue(_maxPartialPrefills) ?? standard.MaxPartialPrefills,
            MaxLongPartialPrefills = (int?)result.GetValue(_maxLongPartialPrefills) ?? standard.MaxLongPartialPrefills,
            LongPrefillTokenThreshold = (int?)result.GetValue(_longPrefillTokenThreshold),
            BlockSize = (int?)result.GetValue(_blockSize) ?? standard.BlockSize,
            KvCacheBytes = result.GetValue(_kvCacheBytes),
            KvCacheType = result.GetValue(_kvCacheType) == "float32" ? ElementType.Float32 : ElementType.BFloat16,
            Arithmetic = result.GetValue(_arithmetic) == "float32" ? Arithmetic.Float32 : Arithmetic.Auto,
            PrefixCaching = result.GetValue(_noPrefixCaching) ? PrefixCaching.Off : PrefixCaching.On,
            Preemption = preemption,
            SwapBytes = (long)(swap * (1L << 30)),
            MaxWaitingRequests = (int?)result.GetValue(_maxWaiting) ?? standard.MaxWaitingRequests,
            Threads = (int?)result.GetValue(_threads),
            FaultInjection = result.GetValue(_faultInjection) ? FaultInjection.On : FaultInjection.Off,
        };
    }

    /// <summary>A whole number, written as <see cref="Quantity"/> says.</summary>
    internal static Option<long?> Number(string name, string helpName, string description, long least, long most) => new(name)
    {
        HelpName = helpName,
        Description = description,
        CustomParser = result => Quantity.Parse(result, least, most),
    };

    internal static Option<string> Choice(string name, string description, string standard, params string[] choices)
    {
        var option = new Option<string>(name) { Description = description, DefaultValueFactory = _ => standard };
        option.AcceptOnlyFromAmong(choices);
        return option;
    }

    private static Option<bool> Switch(string name, string description) => new(name) { Description = description };
}
