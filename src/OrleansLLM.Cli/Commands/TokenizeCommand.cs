using System.CommandLine;
using System.Globalization;
using OrleansLLM.Files;
using OrleansLLM.Hosting;
using OrleansLLM.Models;
using OrleansLLM.Text;
using OrleansLLM.Text.Tokenizers;
using Spectre.Console;

namespace OrleansLLM.Cli.Commands;

/// <summary><c>tokenize</c>: shows what a model sees of a text.</summary>
internal sealed class TokenizeCommand
{
    private readonly Argument<string> _path = new("model") { Description = "A Hugging Face folder or a GGUF file." };

    private readonly Argument<string?> _text = new("text")
    {
        Description = "Default: the standard input.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<bool> _noSpecial = new("--no-special-tokens") { Description = "Add none (BOS and the like), and read those in the text as plain text." };

    private readonly Option<bool> _idsOnly = new("--ids") { Description = "Print the ids alone, on one line." };

    public static Command Create()
    {
        var options = new TokenizeCommand();
        var command = new Command("tokenize", "Show the tokens of a text.");
        command.Arguments.Add(options._path);
        command.Arguments.Add(options._text);
        command.Options.Add(options._noSpecial);
        command.Options.Add(options._idsOnly);
        command.SetAction(options.RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult result, CancellationToken cancellation)
    {
        try
        {
            using var file = ModelFile.Open(result.GetValue(_path)!);
            var tokenizer = ModelText.ReadTokenizer(file);
            var text = result.GetValue(_text) ?? await Console.In.ReadToEndAsync(cancellation).ConfigureAwait(false);
            var ids = result.GetValue(_noSpecial)
                ? tokenizer.Encode(text, [new TextSpan(0, text.Length)], AddedTokens.None)
                : tokenizer.Encode(text, [], AddedTokens.PostProcessor);
            Print(tokenizer, ids, result.GetValue(_idsOnly));
            return 0;
        }
        catch (Exception error) when (error is FileFormatException or TokenizerException)
        {
            await Console.Error.WriteLineAsync(error.Message).ConfigureAwait(false);
            return 1;
        }
    }

    private static void Print(TextTokenizer tokenizer, IReadOnlyList<int> ids, bool idsOnly)
    {
        if (idsOnly)
        {
            Console.WriteLine(string.Join(' ', ids.Select(id => id.ToString(CultureInfo.InvariantCulture))));
            return;
        }

        var table = new Table().Border(TableBorder.Simple).AddColumn(new TableColumn("id").RightAligned()).AddColumn("token").AddColumn("text");
        foreach (var id in ids)
        {
            var text = tokenizer.Decode([id], SpecialTokens.Keep);
            table.AddRow(
                id.ToString(System.Globalization.CultureInfo.InvariantCulture),
                Markup.Escape(tokenizer.GetToken(id) ?? ""),
                Markup.Escape(text.ReplaceLineEndings("⏎")));
        }

        AnsiConsole.Write(table);
        Console.WriteLine($"{ids.Count} tokens");
    }
}
