using Microsoft.Extensions.Logging;
using OrleansLLM.Compute;
using OrleansLLM.Compute.Cpu;
using OrleansLLM.Engine;
using OrleansLLM.Files;
using OrleansLLM.Models;
using OrleansLLM.Text;
using OrleansLLM.Text.Tokenizers;

namespace OrleansLLM.Hosting;

/// <summary>From a model's folder or file to a model that answers: weights, tokenizer, chat template, block pool, engine.</summary>
public static partial class ModelLoader
{
    private const float SmallestTopP = 1e-6f;

    /// <param name="progress">Of the weights.</param>
    /// <param name="startBeside">Until it ends, loading leaves a core to it.</param>
    /// <param name="loggers">For what the model's files say and can't be, and for the engine's failed steps; null = nowhere.</param>
    /// <exception cref="ModelLoadException">
    /// It can't be served; the message says why, and of options that can't be all that is wrong. Those are refused before weights are looked at.
    /// </exception>
    public static async Task<LoadedModel> LoadAsync(
        ModelOptions options, IProgress<LoadProgress>? progress, CancellationToken cancellation, Task? startBeside = null,
        ILoggerFactory? loggers = null)
    {
        if (!Path.Exists(options.Path))
        {
            throw new ModelLoadException($"{options.Path} is not there: give a Hugging Face folder or a GGUF file.");
        }

        var clock = new LoadClock();
        try
        {
            using var file = clock.Measure("header", () => Open(options));
            var text = Task.Run(() => clock.Measure("tokenizer", () => ModelText.Read(file)), cancellation);
            startBeside ??= Task.CompletedTask;
            if (!startBeside.IsCompleted && Environment.ProcessorCount <= 2)
            {
                await text.ConfigureAwait(false);
            }

            var loaded = await Task.Run(() => LoadEngine(options, file, progress, clock, startBeside, loggers), cancellation).ConfigureAwait(false);
            try
            {
                await clock.MeasureAsync("warm-up", () => WarmUp.RunAsync(loaded.Engine, cancellation)).ConfigureAwait(false);
                var model = Finish(options, file, LogLeftOut(await text.ConfigureAwait(false), loggers), loaded, clock);
                await WarmUp.TryDefaultsAsync(model.Engine, model.Served, cancellation).ConfigureAwait(false);
                return model;
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

    /// <summary>The header first: a wrong option is known from it, whatever is wrong with the weights.</summary>
    private static ModelFile Open(ModelOptions options)
    {
        var header = ModelHeader.Open(options.Path);
        try
        {
            ModelOptionsValidator.Validate(options, header.Facts(options.ToLoad())).ThrowIfAny();
            return ModelFile.Open(header);
        }
        catch
        {
            header.Dispose();
            throw;
        }
    }

    private static EngineParts LoadEngine(
        ModelOptions options, ModelFile file, IProgress<LoadProgress>? progress, LoadClock clock, Task startBeside, ILoggerFactory? loggers)
    {
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

        var model = clock.Measure("weights", () => file.Load(device, options.ToLoad(), progress));
        var layout = model.Facts.Cache;
        var pool = KvPoolSize.Choose(MemoryAllowance.Read(), layout, options, maxLength);
        var engine = clock.Measure("engine", () => new InferenceEngine(
            model, device, options.ToEngine(pool), logger: loggers?.CreateLogger<InferenceEngine>()));
        return new EngineParts(engine, model, device, pool);
    }

    private static LoadedModel Finish(ModelOptions options, ModelFile file, ModelText text, EngineParts parts, LoadClock clock)
    {
        var served = new ServedModel(
            options.Name, [.. options.ServedNames.Skip(1)], parts.Engine.Facts.MaxLength, text.Tokenizer, text.Template,
            text.EndTokens, ToSampling(file.Generation), DateTimeOffset.UtcNow)
        {
            MaxNewTokens = file.Generation.MaxNewTokens,
        };
        var report = new LoadReport(clock.Phases, clock.Elapsed, file.TensorBytes, parts.PoolBytes);
        return new LoadedModel(served, parts.Engine, parts.Model, parts.Device, report);
    }

    private static ModelText LogLeftOut(ModelText text, ILoggerFactory? loggers)
    {
        var logger = loggers?.CreateLogger(typeof(ModelLoader).FullName!);
        foreach (var sentence in logger is null ? [] : text.LeftOut)
        {
            LogLeftOut(logger!, sentence);
        }

        return text;
    }

    [LoggerMessage(1, LogLevel.Warning, "{Sentence}", EventName = "LeftOut")]
    private static partial void LogLeftOut(ILogger logger, string sentence);

    /// <summary>do_sample: false is greedy, whatever temperature stands beside it; a share of nothing leaves the most likely token.</summary>
    private static SamplingParameters ToSampling(GenerationDefaults defaults)
    {
        var standard = new SamplingParameters();
        return standard with
        {
            Temperature = defaults.DoSample == false ? 0 : defaults.Temperature ?? standard.Temperature,
            TopP = Math.Max(defaults.TopP ?? standard.TopP, SmallestTopP),
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
