using System.CommandLine;
using System.Text.Json.Nodes;
using OrleansLLM.Cli.Arguments;
using OrleansLLM.Cli.Terminal;

namespace OrleansLLM.Cli.Commands;

/// <summary><c>chat</c>: a conversation in the terminal, with a model of this machine or with a server.</summary>
internal sealed class ChatCommand
{
    private readonly TalkArguments _talk = new();

    private readonly Option<string?> _system = new("--system-prompt") { HelpName = "TEXT", Description = "What the conversation begins with." };

    private readonly Option<string?> _quick = new("--quick", "-q") { HelpName = "TEXT", Description = "Ask this, print the answer, and end." };

    public static Command Create()
    {
        var options = new ChatCommand();
        var command = new Command("chat", "Talk to a model: one of this machine where a path is given, else one of a server.");
        options._talk.AddTo(command);
        command.Options.Add(options._system);
        command.Options.Add(options._quick);
        command.SetAction(options.RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult result, CancellationToken cancellation) =>
        await _talk.RunAsync(
            result, (client, model) => TalkAsync(result, new AnswerPrinter(client), model, cancellation), cancellation).ConfigureAwait(false);

    private async Task<int> TalkAsync(ParseResult result, AnswerPrinter printer, string model, CancellationToken cancellation)
    {
        var messages = new JsonArray();
        if (result.GetValue(_system) is { } system)
        {
            messages.Add(Message("system", system));
        }

        if (result.GetValue(_quick) is { } question)
        {
            messages.Add(Message("user", question));
            return await AnswerAsync(result, printer, model, messages, cancellation).ConfigureAwait(false) is null ? 1 : 0;
        }

        InputLine.Welcome(model, "/clear forgets the conversation, /exit ends it. Ctrl-C ends an answer, then the program.");
        await ConverseAsync(messages, () => AnswerAsync(result, printer, model, messages, cancellation)).ConfigureAwait(false);
        return 0;
    }

    /// <summary>Turn after turn until the user ends it; a question without an answer is taken back.</summary>
    private static async Task ConverseAsync(JsonArray messages, Func<Task<string?>> answer)
    {
        while (InputLine.ReadLine() is { } line)
        {
            switch (line.Trim())
            {
                case "":
                    continue;
                case "/exit":
                    return;
                case "/clear":
                    Forget(messages);
                    continue;
            }

            messages.Add(Message("user", line));
            if (await answer().ConfigureAwait(false) is { } text)
            {
                messages.Add(Message("assistant", text));
            }
            else
            {
                messages.RemoveAt(messages.Count - 1);
            }
        }
    }

    /// <summary>Leaves only what the conversation begins with.</summary>
    private static void Forget(JsonArray messages) =>
        messages.RemoveAll(message => message?["role"]?.GetValue<string>() != "system");

    private async Task<string?> AnswerAsync(
        ParseResult result, AnswerPrinter printer, string model, JsonArray messages, CancellationToken cancellation)
    {
        var body = _talk.CreateBody(result, model);
        body["messages"] = messages.DeepClone();
        return await printer.PrintAsync("v1/chat/completions", body, cancellation).ConfigureAwait(false);
    }

    private static JsonObject Message(string role, string content) => new() { ["role"] = role, ["content"] = content };
}
