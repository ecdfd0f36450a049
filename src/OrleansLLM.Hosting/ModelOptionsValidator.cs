using OrleansLLM.Engine;
using OrleansLLM.Models;

namespace OrleansLLM.Hosting;

/// <summary>Whether a model can be loaded and run so: what <see cref="EngineOptionsValidator"/> asks, and what concerns the device. Pure.</summary>
public static class ModelOptionsValidator
{
    private static readonly OptionName Threads = new(nameof(ModelOptions.Threads), "--threads");
    private static readonly OptionName KvCacheType = new(nameof(ModelOptions.KvCacheType), "--kv-cache-dtype");
    private static readonly OptionName Arithmetic = new(nameof(ModelOptions.Arithmetic), "--dtype");
    private static readonly OptionName FaultInjection = new(nameof(ModelOptions.FaultInjection), "--fault-injection");

    /// <param name="facts">Of the model's header. A pool that nobody gave a size for always has room for a token.</param>
    public static OptionProblems Validate(ModelOptions options, ModelFacts facts)
    {
        var problems = EngineOptionsValidator.Validate(options.ToEngine(options.KvCacheBytes ?? long.MaxValue), facts, options.MaxBatchedTokens);
        problems.Require(options.Threads is null or >= 1, Threads, options.Threads, "1 or more");
        problems.Require(Enum.IsDefined(options.KvCacheType), KvCacheType, options.KvCacheType, "Float32 or BFloat16");
        problems.Require(Enum.IsDefined(options.Arithmetic), Arithmetic, options.Arithmetic, "Auto or Float32");
        problems.Require(Enum.IsDefined(options.FaultInjection), FaultInjection, options.FaultInjection, "Off or On");
        return problems;
    }
}
