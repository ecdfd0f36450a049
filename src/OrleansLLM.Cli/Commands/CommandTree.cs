using System.CommandLine;

namespace OrleansLLM.Cli.Commands;

/// <summary>The table of commands. To add one: a class beside this one and a row here.</summary>
internal static class CommandTree
{
    public static RootCommand Create() => new("OrleansLLM serves language models over the OpenAI API.")
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
    };
}
