using Spectre.Console;

namespace OrleansLLM.Cli.Terminal;

/// <summary>Where a person types; silent where input comes from elsewhere.</summary>
internal static class InputLine
{
    public static void Welcome(string model, string hint)
    {
        if (!Console.IsInputRedirected)
        {
            AnsiConsole.MarkupLine($"[bold]{Markup.Escape(model)}[/]  [grey]{Markup.Escape(hint)}[/]");
        }
    }

    /// <summary>Null at the end of the input.</summary>
    public static string? ReadLine()
    {
        if (!Console.IsInputRedirected)
        {
            AnsiConsole.Markup("[green]> [/]");
        }

        return Console.ReadLine();
    }
}
