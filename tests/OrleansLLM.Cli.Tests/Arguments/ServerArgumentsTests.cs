using OrleansLLM.Cli.Commands;

namespace OrleansLLM.Cli.Tests.Arguments;

public sealed class ServerArgumentsTests
{
    private const string Variable = "ORLEANSLLM_API_KEY";

    /// <summary>A file's line end is easily taken into a variable; a server with such a key would refuse everybody.</summary>
    [Theory]
    [InlineData("secret\n", "serve model", 1)]
    [InlineData(" secret", "serve model", 1)]
    [InlineData("secret", "serve model", 0)]
    [InlineData(" secret", "serve model --api-key other", 0)]
    public void A_key_in_the_environment_that_no_client_can_send_is_refused_where_it_is_used(string key, string arguments, int errors)
    {
        Environment.SetEnvironmentVariable(Variable, key);
        try
        {
            var refused = CommandTree.Create().Parse(arguments.Split(' ')).Errors;
            Assert.Equal(errors, refused.Count);
            Assert.All(refused, error =>
            {
                Assert.StartsWith(Variable, error.Message, StringComparison.Ordinal);
                Assert.DoesNotContain("secret", error.Message, StringComparison.Ordinal);
            });
        }
        finally
        {
            Environment.SetEnvironmentVariable(Variable, null);
        }
    }
}
