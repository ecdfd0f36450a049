using OrleansLLM.Models;
using Spectre.Console;

namespace OrleansLLM.Cli.Terminal;

/// <summary>A bar over the bytes of a model while it loads; nothing where the error stream is no terminal.</summary>
internal static class LoadingDisplay
{
    public static async Task<T> RunAsync<T>(string path, Func<IProgress<LoadProgress>?, Task<T>> load)
    {
        if (Console.IsErrorRedirected)
        {
            return await load(null).ConfigureAwait(false);
        }

        return await ProgressBar.Output.Progress()
            .AutoClear(true)
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new DownloadedColumn(), new ElapsedTimeColumn())
            .StartAsync(context =>
            {
                var task = context.AddTask($"Loading {Markup.Escape(Path.GetFileName(Path.TrimEndingDirectorySeparator(path)))}", maxValue: 1);
                return load(new Bytes(task));
            }).ConfigureAwait(false);
    }

    /// <summary>Reports at once: a queue of reports would outlive the bar.</summary>
    private sealed class Bytes(ProgressTask task) : IProgress<LoadProgress>
    {
        public void Report(LoadProgress value)
        {
            task.MaxValue = Math.Max(1, value.TotalBytes);
            task.Value = value.LoadedBytes;
        }
    }
}
