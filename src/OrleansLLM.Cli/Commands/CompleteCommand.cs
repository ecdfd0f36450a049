using System.CommandLine;
using OrleansLLM.Cli.Arguments;
using OrleansLLM.Cli.Terminal;

namespace OrleansLLM.Cli.Commands;

/// <summary><c>complete</c>: goes on with a text, with a model of this machine or with a server.</summary>
internal sealed class CompleteCommand
{
    private readonly TalkArguments _talk = new();

    private readonly Option<string?> _quick = new("--quick", "-q") { HelpName = "TEXT", Description = "Go on with this text and end." };

    public static Command Create()
    {
        var options = new CompleteCommand();
        var command = new Command("complete", "Let a model go on with a text: one of this machine where a path is given, else one of a server.");
        options._talk.AddTo(command);
        command.Options.Add(options._quick);
        command.SetAction(options.RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult result, CancellationToken cancellation) =>
        await _talk.RunAsync(
            result, (client, model) => GoOnAsync(result, new AnswerPrinter(client), model, cancellation), cancellation).ConfigureAwait(false);

    private async Task<int> GoOnAsync(ParseResult result, AnswerPrinter printer, string model, CancellationToken cancellation)
    {
        if (result.GetValue(_quick) is { } text)
        {
            return await CompleteAsync(text).ConfigureAwait(false) is null ? 1 : 0;
        }

        InputLine.Welcome(model, "Each line is a text to go on with. Ctrl-C ends an answer, then the program.");
        while (InputLine.ReadLine() is { } line)
        {
            if (line.Length > 0)
            {
                await CompleteAsync(line).ConfigureAwait(false);
            }
        }

        return 0;

        async Task<string?> CompleteAsync(string prompt)
        {
            var body = _talk.CreateBody(result, model);
            body["prompt"] = prompt;
            return await printer.PrintAsync("v1/completions", body, cancellation).ConfigureAwait(false);
        }
    }
}
