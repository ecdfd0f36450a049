using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Logging;
using OrleansLLM.Cli.Arguments;
using OrleansLLM.Cli.Commands;
using OrleansLLM.Cli.Tests.Serving;
using OrleansLLM.Testing;

namespace OrleansLLM.Cli.Tests.Arguments;

/// <summary>The command line is read, and the log is written, the same on every machine.</summary>
public sealed partial class LocaleTests
{
    [Fact]
    public void Decimal_numbers_of_options_have_a_point_in_every_locale()
    {
        var expected = ((long)(1.25 * (1L << 30)), TimeSpan.FromSeconds(0.5), "0.25 0.75");
        Assert.All(Cultures.InEach(ReadDecimals), result => Assert.Equal((result.Culture, expected), result));
    }

    [Theory]
    [InlineData("serve model --swap-space 1,5")]
    [InlineData("serve model --request-timeout ten")]
    [InlineData("complete --temperature 0,5 text")]
    [InlineData("bench serve --burstiness 1,5")]
    [InlineData("bench serve --random-range-ratio 0,5")]
    [InlineData("serve model --swap-space NaN")]
    [InlineData("serve model --shutdown-timeout -1")]
    [InlineData("bench serve --request-rate 1,5")]
    public void A_decimal_comma_is_refused_in_every_locale(string arguments) => Assert.All(
        Cultures.InEach(() => CommandTree.Parse(arguments.Split(' ')).Errors.Count), result => Assert.NotEqual(0, result.Result));

    [Theory]
    [InlineData("serve", "@model", "--served-model-name", "@name", "--api-key", "@key")]
    [InlineData("tokenize", "model", "@text")]
    [InlineData("complete", "@path", "--temperature", "0.5")]
    [InlineData("inspect", "@")]
    public void What_begins_with_an_at_sign_is_no_response_file(params string[] arguments)
    {
        var parsed = CommandTree.Parse(arguments);
        Assert.Empty(parsed.Errors);
        Assert.Equal(arguments[1..], parsed.Tokens.Select(token => token.Value).Skip(1));
    }

    [Fact]
    public async Task Time_stamps_of_json_logs_are_of_one_calendar()
    {
        await using var log = new FormattedLog<LocaleTests>(TimeProvider.System, LogFormat.Json);
        foreach (var (culture, line) in Cultures.InEach(() => Write(log)))
        {
            AssertIsNow((string)JsonNode.Parse(line)!["Timestamp"]!);
            Assert.Equal((culture, "It took 1.5 s, -3"), (culture, (string?)JsonNode.Parse(line)!["Message"]));
        }
    }

    [Theory]
    [InlineData("de_DE.UTF-8")]
    [InlineData("ar_SA.UTF-8")]
    [InlineData("th_TH.UTF-8")]
    public async Task The_program_reads_and_writes_the_same_on_a_machine_of_another_locale(string locale)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no LC_ALL.");
        var (code, _, errors) = await OrleansLLMProcess.RunInAsync(locale, "serve", "@nowhere", "--swap-space", "0.5", "--log-format", "json");
        var line = JsonNode.Parse(errors)!;
        Assert.Equal((1, "@nowhere is not there: give a Hugging Face folder or a GGUF file."), (code, (string?)line["Message"]));
        AssertIsNow((string)line["Timestamp"]!);
    }

    private static void AssertIsNow(string stamp)
    {
        Assert.Matches(IsoTime(), stamp);
        Assert.InRange(DateTimeOffset.UtcNow - DateTimeOffset.Parse(stamp, CultureInfo.InvariantCulture), TimeSpan.FromSeconds(-1), TimeSpan.FromMinutes(10));
    }

    private static (long, TimeSpan, string) ReadDecimals()
    {
        var model = new ModelArguments();
        var server = new ServerArguments();
        var talk = new TalkArguments();
        var serve = new Command("serve");
        model.AddTo(serve);
        server.AddTo(serve);
        var complete = new Command("complete");
        talk.AddTo(complete);
        var body = talk.CreateBody(complete.Parse(["--temperature", "0.25", "--top-p", "0.75"]), "model");
        var served = serve.Parse(["--swap-space", "1.25", "--request-timeout", "0.5"]);
        return (model.Read(served, "model", []).SwapBytes, server.Read(served).Gateway.RequestTimeout!.Value,
            FormattableString.Invariant($"{(double)body["temperature"]!} {(double)body["top_p"]!}"));
    }

    private static string Write(FormattedLog<LocaleTests> log)
    {
        LogIt(log, 1.5, -3);
        Assert.True(log.Lines.TryRead(out var line));
        return line;
    }

    [LoggerMessage(LogLevel.Information, "It took {Seconds} s, {Count}")]
    private static partial void LogIt(ILogger logger, double seconds, int count);

    [GeneratedRegex(@"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d+(Z|\+00:00)$")]
    private static partial Regex IsoTime();
}
