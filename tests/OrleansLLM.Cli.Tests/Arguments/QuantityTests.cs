using OrleansLLM.Cli.Arguments;

namespace OrleansLLM.Cli.Tests.Arguments;

public sealed class QuantityTests
{
    [Theory]
    [InlineData("4096", 4096)]
    [InlineData("1k", 1000)]
    [InlineData("1K", 1024)]
    [InlineData("25.6k", 25600)]
    [InlineData("1.5GiB", 1610612736)]
    [InlineData("2G", 2147483648)]
    public void Suffixes_are_those_of_vllm(string text, long expected)
    {
        Assert.True(Quantity.TryParse(text, out var value));
        Assert.Equal(expected, value);
    }

    [Theory]
    [InlineData("")]
    [InlineData("x")]
    [InlineData("-1")]
    [InlineData("1kk")]
    [InlineData("99999999999999G")]
    public void What_is_no_number_is_refused(string text) => Assert.False(Quantity.TryParse(text, out _));
}
