using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;
using OrleansLLM.Cli.Client;
using Spectre.Console;

namespace OrleansLLM.Cli.Terminal;

/// <summary>Prints an answer as it comes; Ctrl-C meanwhile ends the answer, not the program.</summary>
internal sealed class AnswerPrinter(ServerClient client)
{
    /// <summary>The answer's text, as far as it came; null where the server refused or broke off, which is said on the error stream.</summary>
    public async Task<string?> PrintAsync(string endpoint, JsonObject body, CancellationToken cancellation)
    {
        using var interruption = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        void Interrupt(object? sender, ConsoleCancelEventArgs press)
        {
            press.Cancel = true;
            interruption.Cancel();
        }

        Console.CancelKeyPress += Interrupt;
        try
        {
            return await PrintEventsAsync(endpoint, body, interruption.Token).ConfigureAwait(false);
        }
        catch (Exception error) when (error is HttpRequestException or IOException)
        {
            await Console.Error.WriteLineAsync($"{client.BaseAddress}: {error.Message}").ConfigureAwait(false);
            return null;
        }
        finally
        {
            Console.CancelKeyPress -= Interrupt;
        }
    }

    private async Task<string> PrintEventsAsync(string endpoint, JsonObject body, CancellationToken interruption)
    {
        var text = new StringBuilder();
        var clock = Stopwatch.StartNew();
        TimeSpan? first = null;
        AnswerUsage? usage = null;
        try
        {
            await foreach (var piece in client.StreamAsync(endpoint, body, interruption).ConfigureAwait(false))
            {
                usage = piece.Usage ?? usage;
                if (piece.Text is { } more)
                {
                    first ??= clock.Elapsed;
                    text.Append(more);
                    Console.Write(more);
                }
            }
        }
        catch (OperationCanceledException)
        {
            Console.Write(" …");
        }

        Console.WriteLine();
        PrintSpeed(usage, first, clock.Elapsed);
        return text.ToString();
    }

    private static void PrintSpeed(AnswerUsage? usage, TimeSpan? first, TimeSpan whole)
    {
        if (Console.IsOutputRedirected || usage is null || first is not { } toFirst)
        {
            return;
        }

        var rate = (usage.CompletionTokens - 1) / Math.Max(1e-3, (whole - toFirst).TotalSeconds);
        AnsiConsole.MarkupLine(string.Create(
            System.Globalization.CultureInfo.InvariantCulture,
            $"[grey]{usage.PromptTokens} + {usage.CompletionTokens} tokens, first after {toFirst.TotalMilliseconds:F0} ms, then {rate:F0} tokens/s[/]"));
    }
}
