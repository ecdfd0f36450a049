using Spectre.Console;

namespace OrleansLLM.Cli.Terminal;

/// <summary>A bar on the error stream while something runs; nothing where that is no terminal.</summary>
internal static class ProgressBar
{
    /// <summary>The error stream, so that results stay alone on the other.</summary>
    public static IAnsiConsole Output { get; } = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });

    /// <param name="work">Calls its argument, from any thread, after each of <paramref name="steps"/> steps.</param>
    public static async Task<T> RunAsync<T>(string title, int steps, Func<Action, Task<T>> work)
    {
        if (Console.IsErrorRedirected)
        {
            return await work(() => { }).ConfigureAwait(false);
        }

        return await Output.Progress()
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new ElapsedTimeColumn(), new SpinnerColumn())
            .StartAsync(context =>
            {
                var task = context.AddTask(title, maxValue: steps);
                return work(() => task.Increment(1));
            }).ConfigureAwait(false);
    }
}
