using OrleansLLM.Testing;

namespace OrleansLLM.Cli.Tests.Chaos;

/// <summary>The whole of it: real processes, killed, hung and stopped under load.</summary>
public sealed class ChaosCommandTests
{
    [Fact]
    public async Task Nothing_is_lost_twice_or_wrong_whatever_dies_hangs_or_is_stopped()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no such signals.");
        var (code, output, errors) = await OrleansLLMProcess.RunAsync(
            "chaos", "--model", ReferenceData.Atlas, "--sequences", "60", "--faults", "6", "--max-concurrency", "24", "--seed", "12");
        Assert.Equal("", errors);
        Assert.True(code == 0, output);
        Assert.Contains("\nlost 0, duplicate 0, wrong 0, failed 0, gap p50 ", output, StringComparison.Ordinal);
        Assert.All(
            from role in new[] { "gateway", "worker" } from fault in new[] { "killed", "hung", "stopped" } select $"{role} {fault}",
            kind => Assert.Matches($@"(?m)^{kind} +1 times, +[1-9]", output));
    }

    [Theory]
    [InlineData("--clustering takes file:PATH, redis or postgres here, not 'local'.", "--clustering", "local")]
    [InlineData("is not there", "--model", "/nowhere")]
    public async Task What_it_can_not_do_is_said(string problem, params string[] options)
    {
        var (code, _, errors) = await OrleansLLMProcess.RunAsync(["chaos", .. options]);
        Assert.Equal(1, code);
        Assert.Contains(problem, errors, StringComparison.Ordinal);
    }
}
