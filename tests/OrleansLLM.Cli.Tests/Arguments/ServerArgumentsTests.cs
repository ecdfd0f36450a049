using System.CommandLine;
using OrleansLLM.Cli.Arguments;
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
            var refused = CommandTree.Parse(arguments.Split(' ')).Errors;
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

    /// <summary>A page that rebinds its name reaches loopback; whoever sets a key or listens to others chose other means.</summary>
    [Theory]
    [InlineData("", "")]
    [InlineData("--host localhost", "")]
    [InlineData("--host ::1", "")]
    [InlineData("--host 127.0.0.2", "")]
    [InlineData("--api-key secret", null)]
    [InlineData("--host 0.0.0.0", null)]
    [InlineData("--host ::", null)]
    [InlineData("--host 192.168.1.2", null)]
    [InlineData("--allowed-hosts chat.example 10.0.0.1", "chat.example 10.0.0.1")]
    [InlineData("--host 0.0.0.0 --api-key secret --allowed-hosts chat.example", "chat.example")]
    [InlineData("--allowed-hosts *", "*")]
    public void Without_a_key_on_loopback_only_its_names_and_listed_ones_are_hosts(string arguments, string? hosts)
    {
        var options = Read(arguments);
        Assert.Equal(hosts?.Split(' ', StringSplitOptions.RemoveEmptyEntries), options.Gateway.AllowedHosts);
    }

    [Fact]
    public void Priority_keys_are_keys_beside_the_others()
    {
        var options = Read("--api-key a b --priority-api-key c d --priority-api-key e").Gateway;
        Assert.Equal(["a", "b"], options.ApiKeys.Select(key => key.Key));
        Assert.Equal(["c", "d", "e"], options.PriorityApiKeys.Select(key => key.Key));
        Assert.Equal(5, options.ApiKeys.Concat(options.PriorityApiKeys).Select(key => key.Name).Distinct().Count());
        Assert.Equal([], Read("--priority-api-key c").Gateway.AllowedHosts);
    }

    [Fact]
    public void Budgets_are_256_mebibytes_each_unless_they_are_given()
    {
        var standard = Read("");
        Assert.Equal(
            (268_435_456, 268_435_456, 268_435_456), (standard.Gateway.MaxParsedBytes, standard.Gateway.MaxCollectedBytes, standard.SequenceLogs.MaxRetainedBytes));
        var given = Read("--max-parsed-bytes 64MiB --max-collected-bytes 1MiB --max-retained-bytes 2GiB");
        Assert.Equal((67_108_864, 1_048_576, 2_147_483_648), (given.Gateway.MaxParsedBytes, given.Gateway.MaxCollectedBytes, given.SequenceLogs.MaxRetainedBytes));
    }

    private static ServerOptions Read(string arguments)
    {
        var server = new ServerArguments();
        var command = new Command("serve");
        server.AddTo(command);
        var result = command.Parse(arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.Empty(result.Errors);
        return server.Read(result);
    }
}
