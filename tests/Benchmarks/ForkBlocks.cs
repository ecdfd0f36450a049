using OrleansLLM.Engine;

namespace OrleansLLM.Benchmarks;

/// <summary>The most blocks in use by one request with n = 4 and by four requests, prompt 161, output 64, without a prefix cache.</summary>
internal static class ForkBlocks
{
    public static async Task RunAsync(string[] arguments)
    {
        using var model = await Load.OpenAsync(arguments[0], PrefixCaching.Off);
        using var generator = new EngineGenerator(model.Engine, TimeProvider.System);
        var prompt = Load.Prompt(161, model.Engine.Facts.VocabularySize, seed: 1);
        var together = await PeakAsync(model.Engine, generator, [Load.Request(model.Served.Name, prompt, 64, samples: 4)]);
        var apart = await PeakAsync(
            model.Engine, generator, [.. Enumerable.Range(0, 4).Select(_ => Load.Request(model.Served.Name, prompt, 64))]);
        Console.WriteLine(FormattableString.Invariant(
            $"blocks in use at most: n = 4: {together}, 4 requests: {apart}, saved {100.0 * (apart - together) / apart:F0} %"));
    }

    private static async Task<int> PeakAsync(InferenceEngine engine, EngineGenerator generator, GenerationRequest[] requests)
    {
        var peak = 0;
        var sequences = new List<SequenceId>();
        foreach (var request in requests)
        {
            sequences.AddRange(await Load.SubmitAsync(generator, request));
        }

        await Task.WhenAll(sequences.Select(sequence => Load.ReadAsync(
            generator, sequence, requests[0].PromptIds.Length, _ => peak = Math.Max(peak, engine.Load.UsedBlocks))));
        return peak;
    }
}
