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
    /// <exception cref="OperationCanceledException">It was called off; parts that still read have ended.</exception>
    public static async Task<LoadedModel> LoadAsync(
        ModelOptions options, IProgress<LoadProgress>? progress, CancellationToken cancellation, Task? startBeside = null,
        ILoggerFactory? loggers = null)
    {
        RequirePath(options);
        var load = new Load(options, progress, startBeside ?? Task.CompletedTask, loggers, new LoadClock(), cancellation);
        try
        {
            using var file = load.Clock.Measure("header", () => Open(options));
            var text = Task.Run(() => load.Clock.Measure("tokenizer", () => ModelText.Read(file)), cancellation);
            try
            {
                return await LoadAsync(load, file, text).ConfigureAwait(false);
            }
            finally
            {
                // Whatever failed: the file is unmapped next, and must not be while the text side still reads it.
                await ((Task)text).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
        catch (Exception error) when (error is not (OperationCanceledException or ModelLoadException))
        {
            throw new ModelLoadException(Explain(options, error), error);
        }
    }

    /// <summary>The text side alone, for a gateway whose workers are other processes: no weight is read but those of norms.</summary>
    /// <param name="loggers">As for <see cref="LoadAsync(ModelOptions, IProgress{LoadProgress}?, CancellationToken, Task?, ILoggerFactory?)"/>.</param>
    /// <exception cref="ModelLoadException">It can't be served; the message says why.</exception>
    public static Task<ServedModel> LoadTextAsync(ModelOptions options, CancellationToken cancellation, ILoggerFactory? loggers = null) => Task.Run(
        () =>
        {
            RequirePath(options);
            try
            {
                using var file = Open(options);
                return ToServed(options, options.MaxModelLength ?? file.MaxLength, file, LogLeftOut(ModelText.Read(file), loggers));
            }
            catch (Exception error) when (error is not ModelLoadException)
            {
                throw new ModelLoadException(Explain(options, error), error);
            }
        },
        cancellation);

    private static void RequirePath(ModelOptions options)
    {
        if (options.Path.Length > 0 && !Path.Exists(options.Path))
        {
            throw new ModelLoadException($"{options.Path} is not there: give a Hugging Face folder or a GGUF file.");
        }
    }

    private static string Explain(ModelOptions options, Exception error) => error is FileFormatException or TokenizerException
        or ChatTemplateException or ArgumentException or IOException or UnauthorizedAccessException or OutOfMemoryException
        ? error.Message
        : $"{options.Path} can't be loaded, by a mistake of this program ({error.GetType().Name}): {error.Message}";

    private static async Task<LoadedModel> LoadAsync(Load load, ModelFile file, Task<ModelText> text)
    {
        if (!load.StartBeside.IsCompleted && Environment.ProcessorCount <= 2)
        {
            await text.ConfigureAwait(false);
        }

        var loaded = await Task.Run(() => LoadEngine(load, file), load.Cancellation).ConfigureAwait(false);
        try
        {
            string? problem = null;
            await load.Clock.MeasureAsync(
                "warm-up", async () => problem = await WarmUp.RunAsync(loaded.Engine, load.Cancellation).ConfigureAwait(false)).ConfigureAwait(false);
            var model = Finish(load, file, LogLeftOut(await text.ConfigureAwait(false), load.Loggers), loaded);
            var later = await WarmUp.TryDefaultsAsync(model.Engine, model.Served, load.Cancellation).ConfigureAwait(false);
            if ((problem ?? later) is { } broken && load.Loggers is not null)
            {
                LogBroken(Logger(load.Loggers), broken);
            }

            return model;
        }
        catch
        {
            loaded.Dispose();
            throw;
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

    private static EngineParts LoadEngine(Load load, ModelFile file)
    {
        var options = load.Options;
        var maxLength = options.MaxModelLength ?? file.MaxLength;
        var device = CpuDevice.Create(new CpuDeviceOptions
        {
            Threads = options.Threads ?? Environment.ProcessorCount,
            Arithmetic = options.Arithmetic,
        });
        if (!load.StartBeside.IsCompleted)
        {
            var threads = device.LoadThreads;
            device.LoadThreads = threads - 1;
            load.StartBeside.ContinueWith(_ => device.LoadThreads = threads, TaskScheduler.Default);
        }

        ICausalModel? model = null;
        try
        {
            model = load.Clock.Measure("weights", () => file.Load(device, options.ToLoad(), load));
            if (options.FaultInjection == FaultInjection.On)
            {
                model = new FaultyModel(model);
            }

            var pool = KvPoolSize.Choose(MemoryAllowance.Read(), model.Facts.Cache, options, maxLength);
            var engine = load.Clock.Measure("engine", () => new InferenceEngine(
                model, device, options.ToEngine(pool), logger: load.Loggers?.CreateLogger<InferenceEngine>()));
            return new EngineParts(engine, model, device, pool);
        }
        catch
        {
            model?.Dispose();
            device.Dispose();
            throw;
        }
    }

    private static LoadedModel Finish(Load load, ModelFile file, ModelText text, EngineParts parts)
    {
        var served = ToServed(load.Options, parts.Engine.Facts.MaxLength, file, text);
        if (parts.Model is FaultyModel faulty)
        {
            faulty.Tokenizer = text.Tokenizer;
            if (load.Loggers is not null)
            {
                LogFaulty(Logger(load.Loggers), FaultyModel.Kill, FaultyModel.Hang);
            }
        }

        var report = new LoadReport(load.Clock.Phases, load.Clock.Elapsed, file.TensorBytes, parts.PoolBytes);
        return new LoadedModel(served, parts.Engine, parts.Model, parts.Device, report);
    }

    private static ServedModel ToServed(ModelOptions options, int maxLength, ModelFile file, ModelText text) => new(
        options.Name, [.. options.ServedNames.Skip(1)], maxLength, text.Tokenizer, text.Template, text.EndTokens, ToSampling(file.Generation),
        DateTimeOffset.UtcNow)
    {
        MaxNewTokens = file.Generation.MaxNewTokens,
    };

    private static ModelText LogLeftOut(ModelText text, ILoggerFactory? loggers)
    {
        var logger = loggers is null ? null : Logger(loggers);
        foreach (var sentence in logger is null ? [] : text.LeftOut)
        {
            LogLeftOut(logger!, sentence);
        }

        return text;
    }

    private static ILogger Logger(ILoggerFactory loggers) => loggers.CreateLogger(typeof(ModelLoader).FullName!);

    [LoggerMessage(
        2, LogLevel.Warning, "The model answered not even its warm-up, and is served all the same: requests like it will be answered with 500. {Problem}",
        EventName = "BrokenFromTheStart")]
    private static partial void LogBroken(ILogger logger, string problem);

    [LoggerMessage(
        3, LogLevel.Warning, "Faults can be injected: a prompt with {Kill} in it ends this process, one with {Hang} stops its engine. Never serve others so.",
        EventName = "Faulty")]
    private static partial void LogFaulty(ILogger logger, string kill, string hang);

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

    /// <summary>What one load is asked for. As the progress of its weights it ends them where it is called off.</summary>
    private sealed record Load(
        ModelOptions Options, IProgress<LoadProgress>? Progress, Task StartBeside, ILoggerFactory? Loggers, LoadClock Clock,
        CancellationToken Cancellation) : IProgress<LoadProgress>
    {
        public void Report(LoadProgress value)
        {
            Cancellation.ThrowIfCancellationRequested();
            Progress?.Report(value);
        }
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
