using OrleansLLM.Engine;
using OrleansLLM.Sequences;
using OrleansLLM.Text;

namespace OrleansLLM.Hosting;

/// <summary>One small request before the first real one, so that code is compiled and memory is touched.</summary>
internal static class WarmUp
{
    /// <summary>A tile of eight rows and one of one: their kernels are all that decode and long prompts run.</summary>
    private const int PromptTokens = 9;

    /// <returns>What is wrong with the model's logits, or null: a model that answers nothing right is still served, since it says so itself.</returns>
    public static async Task<string?> RunAsync(IEngine engine, CancellationToken cancellation)
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
        return await generator.SubmitAsync(request, cancellation).ConfigureAwait(false) is SubmitResult.Accepted { Sequences: [var sequence] }
            ? await ReadAsync(generator, sequence, request, cancellation).ConfigureAwait(false)
            : null; // A pool too small for this is told to those who ask for more.
    }

    /// <summary>
    /// Asks once as clients will who say nothing: what the engine refuses of the model's own defaults, it would refuse of everybody. Then the
    /// meters begin.
    /// </summary>
    /// <returns>As of <see cref="RunAsync"/>.</returns>
    /// <exception cref="ModelLoadException">The engine refuses it.</exception>
    public static async Task<string?> TryDefaultsAsync(InferenceEngine engine, ServedModel served, CancellationToken cancellation)
    {
        using var generator = new EngineGenerator(engine, TimeProvider.System);
        var request = new GenerationRequest
        {
            Id = RequestId.Create(),
            Model = engine.Facts.Model,
            PromptIds = new int[1], // no text: a tokenizer makes its tables for the first one, which is not worth the wait
            MaxTokens = 1,
            CacheSalt = "warm-up",
            StopTokenIds = served.EndTokens,
            Sampling = served.Defaults,
        };
        string? problem = null;
        switch (await generator.SubmitAsync(request, cancellation).ConfigureAwait(false))
        {
            case SubmitResult.Refused { Reason: RefusalReason.Invalid } refused:
                throw new ModelLoadException($"The model's own defaults let no request be served: {refused.Message}");
            case SubmitResult.Accepted { Sequences: [var sequence] }:
                problem = await ReadAsync(generator, sequence, request, cancellation).ConfigureAwait(false);
                break;
        }

        engine.RestartMeters();
        return problem;
    }

    /// <summary>To the end, behind which nothing of it is counted any more.</summary>
    private static async Task<string?> ReadAsync(
        EngineGenerator generator, SequenceId sequence, GenerationRequest request, CancellationToken cancellation)
    {
        string? problem = null;
        await foreach (var range in generator.ReadAsync(sequence, request.PromptIds.Length, cancellation).ConfigureAwait(false))
        {
            if (range.End is { Reason: FinishReason.Failed } end)
            {
                throw new ModelLoadException($"The first step of the model failed: {end.Message}");
            }

            problem = range.End is { Reason: FinishReason.BrokenLogits } broken ? broken.Message : problem;
        }

        return problem;
    }
}
