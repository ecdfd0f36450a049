using System.CommandLine;

namespace OrleansLLM.Cli.Commands;

/// <summary>The table of commands. To add one: a class beside this one and a row here.</summary>
internal static class CommandTree
{
    /// <summary>An argument that begins with @ is a text like others, never the name of a file that holds further arguments.</summary>
    public static ParseResult Parse(IReadOnlyList<string> arguments) =>
        Create().Parse(arguments, new ParserConfiguration { ResponseFileTokenReplacer = null });

    private static RootCommand Create() => new("OrleansLLM serves language models over the OpenAI API.")
    {
        ServeCommand.Create(),
        ChatCommand.Create(),
        CompleteCommand.Create(),
        new Command("bench", "Measure a server, or an engine in this process.")
        {
            BenchServeCommand.Create(),
            BenchThroughputCommand.Create(),
        },
        TokenizeCommand.Create(),
        InspectCommand.Create(),
        ChaosCommand.Create(),
    };
}
