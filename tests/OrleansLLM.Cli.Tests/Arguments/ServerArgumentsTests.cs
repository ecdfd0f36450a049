using System.CommandLine;
using OrleansLLM.Cli.Arguments;
using OrleansLLM.Cli.Commands;
using OrleansLLM.Gateway;
using OrleansLLM.Sequences;

namespace OrleansLLM.Cli.Tests.Arguments;

public sealed class ServerArgumentsTests
{
    private const string Variable = "ORLEANSLLM_API_KEY";
    private const string AdminVariable = "ORLEANSLLM_ADMIN_KEY";

    /// <summary>Of each option: what the command line says, and every value that it changes.</summary>
    private static readonly Dictionary<string, (string Given, string Becomes)> Rows = new(StringComparer.Ordinal)
    {
        ["--host"] = ("0.0.0.0", "Gateway.AllowedHosts=none Host=0.0.0.0 IsOpenToOthers=True"),
        ["--port"] = ("9k", "Port=9000"),
        ["--api-key"] = ("a b", "Gateway.AllowedHosts=none Gateway.ApiKeys=[key-1:a,key-2:b]"),
        ["--priority-api-key"] = ("c d", "Gateway.PriorityApiKeys=[priority-key-1:c,priority-key-2:d]"),
        ["--admin-key"] = ("e", "Gateway.AdminKey=e"),
        ["--allowed-hosts"] = ("chat.example ::2", "Gateway.AllowedHosts=[chat.example,::2]"),
        ["--allowed-origins"] = ("https://a.example http://b.example:8080", "Gateway.CorsOrigins=[https://a.example,http://b.example:8080]"),
        ["--request-timeout"] = ("1.5", "Gateway.RequestTimeout=00:00:01.5000000"),
        ["--queue-timeout"] = ("2.5", "Gateway.QueueTimeout=00:00:02.5000000"),
        ["--sse-keep-alive"] = ("0", "Gateway.SseKeepAlive=00:00:00"),
        ["--max-parsed-bytes"] = ("64MiB", "Gateway.MaxParsedBytes=67108864"),
        ["--max-waiting-bytes"] = ("32MiB", "Gateway.MaxWaitingBytes=33554432"),
        ["--max-collected-bytes"] = ("16MiB", "Gateway.MaxCollectedBytes=16777216"),
        ["--max-retained-bytes"] = ("2GiB", "SequenceLogs.MaxRetainedBytes=2147483648"),
        ["--shutdown-timeout"] = ("7", "ShutdownTimeout=00:00:07"),
        ["--log-format"] = ("json", "LogFormat=Json"),
    };

    public static TheoryData<string> EveryOption
    {
        get
        {
            var command = new Command("serve");
            new ServerArguments().AddTo(command);
            return new(command.Options.Select(option => option.Name));
        }
    }

    [Theory]
    [MemberData(nameof(EveryOption))]
    public void An_option_becomes_the_value_that_it_names_and_no_other(string option)
    {
        Assert.True(Rows.TryGetValue(option, out var row), $"{option} needs a row above.");
        var changed = Values(Read($"{option} {row.Given}")).Except(Values(Read("")));
        Assert.Equal(row.Becomes, string.Join(' ', changed.Order(StringComparer.Ordinal)));
    }

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

    [Theory]
    [InlineData("admin", "", "admin")]
    [InlineData("admin", "--admin-key other", "other")]
    [InlineData("", "", null)]
    public void The_key_of_administration_may_be_in_the_environment(string variable, string arguments, string? key)
    {
        Environment.SetEnvironmentVariable(AdminVariable, variable);
        try
        {
            Assert.Equal(key, Read(arguments).Gateway.AdminKey);
        }
        finally
        {
            Environment.SetEnvironmentVariable(AdminVariable, null);
        }
    }

    [Theory]
    [InlineData("--admin-key a --api-key b a")]
    [InlineData("--admin-key a --priority-api-key a")]
    [InlineData("--admin-key a\n")]
    public void A_key_of_administration_that_is_a_clients_or_nobodys_is_refused(string arguments)
    {
        var error = Assert.Single(CommandTree.Parse(["serve", "model", .. arguments.Split(' ')]).Errors);
        Assert.StartsWith("--admin-key takes a key that is no", error.Message, StringComparison.Ordinal);
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

    /// <summary>Each as its path and text.</summary>
    private static IEnumerable<string> Values(object options, string path = "") => options.GetType().GetProperties().SelectMany(property =>
        property.GetValue(options) switch
        {
            null => [$"{path}{property.Name}=none"],
            GatewayOptions gateway => Values(gateway, $"{property.Name}."),
            SequenceLogOptions logs => Values(logs, $"{property.Name}."),
            IEnumerable<ApiKey> keys => [$"{path}{property.Name}=[{string.Join(',', keys.Select(key => $"{key.Name}:{key.Key}"))}]"],
            IEnumerable<string> texts => [$"{path}{property.Name}=[{string.Join(',', texts)}]"],
            var value => new[] { FormattableString.Invariant($"{path}{property.Name}={value}") },
        });

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
