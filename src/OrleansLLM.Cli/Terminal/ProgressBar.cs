using Spectre.Console;

namespace OrleansLLM.Cli.Terminal;

/// <summary>A bar on the error stream while something runs; nothing where that is no terminal.</summary>
internal static class ProgressBar
{
    private static readonly IAnsiConsole Output = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });

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

    /// <summary>A spinner with a changing sentence.</summary>
    public static async Task<T> StatusAsync<T>(string title, Func<Action<string>, Task<T>> work)
    {
        if (Console.IsErrorRedirected)
        {
            return await work(_ => { }).ConfigureAwait(false);
        }

        return await Output.Status().StartAsync(title, context => work(text => context.Status = Markup.Escape(text))).ConfigureAwait(false);
    }
}
