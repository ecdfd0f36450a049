using System.CommandLine;
using System.CommandLine.Invocation;
using System.Globalization;
using OrleansLLM.Cli.Commands;

// What this program and its libraries write is for machines and logs: the same in every locale. Our libraries name their cultures themselves.
CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
CultureInfo.DefaultThreadCurrentUICulture = CultureInfo.CurrentUICulture = CultureInfo.InvariantCulture;

// Commands end themselves: serve drains, chat ends its answer. Without a limit here, nobody ends them first.
var invocation = new InvocationConfiguration { ProcessTerminationTimeout = null };
var parsed = CommandTree.Parse(args);
if (parsed.Action is ParseErrorAction refusal)
{
    refusal.ShowHelp = parsed.CommandResult.Command.Subcommands.Any(); // somebody who looks around
}

return await parsed.InvokeAsync(invocation).ConfigureAwait(false);
