using OrleansLLM.Engine;
using OrleansLLM.Sequences;

namespace OrleansLLM.Hosting;

/// <summary>One small request before the first real one, so that code is compiled and memory is touched.</summary>
internal static class WarmUp
{
    /// <summary>A tile of eight rows and one of one: their kernels are all that decode and long prompts run.</summary>
    private const int PromptTokens = 9;

    public static async Task RunAsync(IEngine engine, CancellationToken cancellation)
    {
        using var generator = new EngineGenerator(engine, TimeProvider.System);
        var request = new GenerationRequest
        {
            Id = RequestId.Create(),
            Model = engine.Facts.Model,
            PromptIds = new int[Math.Min(PromptTokens, Math.Max(1, engine.Facts.MaxLength - 4))],
            MaxTokens = Math.Min(2, engine.Facts.MaxLength - 1),
            CacheSalt = "warm-up",
            Sampling = new SamplingParameters { TopP = 0.9f },
        };
        if (await generator.SubmitAsync(request, cancellation).ConfigureAwait(false) is not SubmitResult.Accepted { Sequences: [var sequence] })
        {
            return; // A pool too small for this is told to those who ask for more.
        }

        await foreach (var range in generator.ReadAsync(sequence, request.PromptIds.Length, cancellation).ConfigureAwait(false))
        {
            if (range.End is { Reason: FinishReason.Failed } end)
            {
                throw new ModelLoadException($"The first step of the model failed: {end.Message}");
            }
        }
    }
}
