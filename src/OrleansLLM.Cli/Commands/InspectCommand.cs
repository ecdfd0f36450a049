using System.CommandLine;
using System.Globalization;
using OrleansLLM.Cli.Arguments;
using OrleansLLM.Files;
using OrleansLLM.Hosting;
using OrleansLLM.Models;
using OrleansLLM.Text.Tokenizers;
using Spectre.Console;

namespace OrleansLLM.Cli.Commands;

/// <summary><c>inspect</c>: a model's facts, and how much of it fits this machine. Reads headers only.</summary>
internal sealed class InspectCommand
{
    private readonly Argument<string> _path = new("model") { Description = "A Hugging Face folder or a GGUF file." };

    private readonly ModelArguments _model = new();

    public static Command Create()
    {
        var options = new InspectCommand();
        var command = new Command("inspect", "Print a model's facts, and how many tokens of KV cache fit this machine.");
        command.Arguments.Add(options._path);
        options._model.AddTo(command);
        command.SetAction(options.RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult result, CancellationToken cancellation)
    {
        try
        {
            var options = _model.Read(result, result.GetValue(_path)!, []);
            using var file = ModelFile.Open(options.Path);
            Print(options, file);
            return 0;
        }
        catch (FileFormatException error)
        {
            await Console.Error.WriteLineAsync(error.Message.AsMemory(), cancellation).ConfigureAwait(false);
            return 1;
        }
    }

    private static void Print(ModelOptions options, ModelFile file)
    {
        var grid = new Grid().AddColumn(new GridColumn().NoWrap().PadRight(3)).AddColumn();
        foreach (var (name, value) in Facts(options, file))
        {
            grid.AddRow($"[grey]{name}[/]", Markup.Escape(value));
        }

        AnsiConsole.Write(grid);
    }

    private static IEnumerable<(string Name, string Value)> Facts(ModelOptions options, ModelFile file)
    {
        var layout = file.Facts(new ModelLoadOptions(options.MaxBatchedTokens, options.BlockSize, options.KvCacheType)).Cache;
        var length = Math.Min(options.MaxModelLength ?? file.MaxLength, file.MaxLength);
        var allowance = MemoryAllowance.Read();
        var afterWeights = allowance with { AvailableBytes = Math.Max(0, allowance.AvailableBytes - file.TensorBytes) };
        var pool = KvPoolSize.Choose(afterWeights, layout, options, length);
        var perSequence = KvPoolSize.BytesOf(layout, length);
        yield return ("Architecture", file.Architecture);
        yield return ("Parameters", Say($"{file.Parameters / 1e6:F1} M"));
        yield return ("Layers", Say($"{file.Layers}"));
        yield return ("Vocabulary", Say($"{file.VocabularySize} tokens"));
        yield return ("Length", Say($"{file.MaxLength} tokens"));
        yield return ("Tensors", string.Join(", ", file.TensorTypes.Select(type => Say($"{type.Tensors} {type.Type}"))));
        yield return ("Weights", Megabytes(file.TensorBytes));
        yield return ("End tokens", string.Join(", ", EndTokens(file)));
        yield return ("Cache groups", string.Join(", ", layout.Groups.Select(group => group.KeepsAll ? "full" : Say($"window of {group.Window}"))));
        yield return ("A cache block", Say($"{layout.Geometry.BlockSize} slots, {layout.Geometry.BytesPerBlock / 1024.0:F1} KiB, {options.KvCacheType}"));
        yield return ("A sequence", Say($"{perSequence / 1e6:F1} MB at {length} tokens, {(double)perSequence / length / 1024:F2} KiB a token"));
        yield return ("This machine", Say($"{Megabytes(allowance.AvailableBytes)} free of {Megabytes(allowance.TotalBytes)}"));
        yield return ("KV cache", Say($"{Megabytes(pool)} = {KvPoolSize.Tokens(layout, pool, length)} tokens, {pool / Math.Max(1, perSequence)} sequences of full length"));
        yield return ("Fits", file.TensorBytes + perSequence <= allowance.AvailableBytes ? "yes" : "no: weights and one full sequence need more than is free");
    }

    /// <summary>Without a tokenizer that can be read, those that the header names.</summary>
    private static IReadOnlyList<int> EndTokens(ModelFile file)
    {
        try
        {
            return ModelText.Read(file).EndTokens;
        }
        catch (TokenizerException)
        {
            return file.Generation.EndIds;
        }
    }

    private static string Megabytes(long bytes) => Say($"{bytes / 1e6:F0} MB");

    private static string Say(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
