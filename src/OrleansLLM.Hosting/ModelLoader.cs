using OrleansLLM.Compute;
using OrleansLLM.Compute.Cpu;
using OrleansLLM.Engine;
using OrleansLLM.Files;
using OrleansLLM.Models;
using OrleansLLM.Text;
using OrleansLLM.Text.Tokenizers;

namespace OrleansLLM.Hosting;

/// <summary>From a model's folder or file to a model that answers: weights, tokenizer, chat template, block pool, engine.</summary>
public static class ModelLoader
{
    /// <param name="progress">Of the weights.</param>
    /// <param name="startBeside">Until it ends, loading leaves a core to it.</param>
    /// <exception cref="ModelLoadException">It can't be served; the message says why.</exception>
    public static async Task<LoadedModel> LoadAsync(
        ModelOptions options, IProgress<LoadProgress>? progress, CancellationToken cancellation, Task? startBeside = null)
    {
        if (!Path.Exists(options.Path))
        {
            throw new ModelLoadException($"{options.Path} is not there: give a Hugging Face folder or a GGUF file.");
        }

        var clock = new LoadClock();
        try
        {
            using var file = clock.Measure("header", () => ModelFile.Open(options.Path));
            var text = Task.Run(() => clock.Measure("tokenizer", () => ModelText.Read(file)), cancellation);
            startBeside ??= Task.CompletedTask;
            if (!startBeside.IsCompleted && Environment.ProcessorCount <= 2)
            {
                await text.ConfigureAwait(false);
            }

            var loaded = await Task.Run(() => LoadEngine(options, file, progress, clock, startBeside), cancellation).ConfigureAwait(false);
            try
            {
                await clock.MeasureAsync("warm-up", () => WarmUp.RunAsync(loaded.Engine, cancellation)).ConfigureAwait(false);
                loaded.Engine.RestartMeters();
                return Finish(options, file, await text.ConfigureAwait(false), loaded, clock);
            }
            catch
            {
                loaded.Dispose();
                throw;
            }
        }
        catch (Exception error) when (error is FileFormatException or TokenizerException or ChatTemplateException or ArgumentException
            or IOException or UnauthorizedAccessException or OutOfMemoryException)
        {
            throw new ModelLoadException(error.Message, error);
        }
    }

    private static EngineParts LoadEngine(
        ModelOptions options, ModelFile file, IProgress<LoadProgress>? progress, LoadClock clock, Task startBeside)
    {
        var load = new ModelLoadOptions(options.MaxBatchedTokens, options.BlockSize, options.KvCacheType);
        var maxLength = options.MaxModelLength ?? file.MaxLength;
        var device = CpuDevice.Create(new CpuDeviceOptions
        {
            Threads = options.Threads ?? Environment.ProcessorCount,
            Arithmetic = options.Arithmetic,
        });
        if (!startBeside.IsCompleted)
        {
            var threads = device.LoadThreads;
            device.LoadThreads = threads - 1;
            startBeside.ContinueWith(_ => device.LoadThreads = threads, TaskScheduler.Default);
        }

        var model = clock.Measure("weights", () => file.Load(device, load, progress));
        var layout = model.Facts.Cache;
        var pool = KvPoolSize.Choose(MemoryAllowance.Read(), layout, options, maxLength);
        var engine = clock.Measure("engine", () => new InferenceEngine(model, device, ToEngine(options, pool)));
        return new EngineParts(engine, model, device, pool);
    }

    private static LoadedModel Finish(ModelOptions options, ModelFile file, ModelText text, EngineParts parts, LoadClock clock)
    {
        var served = new ServedModel(
            options.Name, [.. options.ServedNames.Skip(1)], parts.Engine.Facts.MaxLength, text.Tokenizer, text.Template,
            file.Generation.EndIds, ToSampling(file.Generation), DateTimeOffset.UtcNow)
        {
            MaxNewTokens = file.Generation.MaxNewTokens,
        };
        var report = new LoadReport(clock.Phases, clock.Elapsed, file.TensorBytes, parts.PoolBytes);
        return new LoadedModel(served, parts.Engine, parts.Model, parts.Device, report);
    }

    private static EngineOptions ToEngine(ModelOptions options, long poolBytes) => new()
    {
        Model = options.Name,
        MaxModelLength = options.MaxModelLength,
        BlockSize = options.BlockSize,
        KvCacheBytes = poolBytes,
        SwapBytes = options.SwapBytes,
        MaxBatchedTokens = options.MaxBatchedTokens,
        MaxSequences = options.MaxSequences,
        MaxWaitingRequests = options.MaxWaitingRequests,
        Preemption = options.Preemption,
        PrefixCaching = options.PrefixCaching,
    };

    /// <summary>do_sample: false is greedy, whatever temperature stands beside it.</summary>
    private static SamplingParameters ToSampling(GenerationDefaults defaults)
    {
        var standard = new SamplingParameters();
        return standard with
        {
            Temperature = defaults.DoSample == false ? 0 : defaults.Temperature ?? standard.Temperature,
            TopP = defaults.TopP ?? standard.TopP,
            TopK = Math.Max(0, defaults.TopK ?? standard.TopK),
            MinP = defaults.MinP ?? standard.MinP,
            RepetitionPenalty = defaults.RepetitionPenalty ?? standard.RepetitionPenalty,
        };
    }

    private sealed record EngineParts(InferenceEngine Engine, ICausalModel Model, IDevice Device, long PoolBytes) : IDisposable
    {
        public void Dispose()
        {
            Engine.Dispose();
            Model.Dispose();
            Device.Dispose();
        }
    }
}
