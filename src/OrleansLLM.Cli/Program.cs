using System.CommandLine;
using System.CommandLine.Invocation;
using OrleansLLM.Cli.Commands;

// Commands end themselves: serve drains, chat ends its answer. Without a limit here, nobody ends them first.
var invocation = new InvocationConfiguration { ProcessTerminationTimeout = null };
var parsed = CommandTree.Create().Parse(args);
if (parsed.Action is ParseErrorAction refusal)
{
    refusal.ShowHelp = parsed.CommandResult.Command.Subcommands.Any(); // somebody who looks around
}

return await parsed.InvokeAsync(invocation).ConfigureAwait(false);
