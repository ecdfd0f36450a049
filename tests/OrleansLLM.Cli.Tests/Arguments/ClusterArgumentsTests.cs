using System.CommandLine;
using OrleansLLM.Cli.Arguments;
using OrleansLLM.Cli.Commands;
using OrleansLLM.Cluster;

namespace OrleansLLM.Cli.Tests.Arguments;

public sealed class ClusterArgumentsTests
{
    private const string Others = "--clustering file:silos --cluster-secret-file secret";

    /// <summary>Of each option, beside a store: what the command line says, and every value that it changes.</summary>
    private static readonly Dictionary<string, (string Given, string Becomes)> Rows = new(StringComparer.Ordinal)
    {
        ["--role"] = ("worker", "Roles=Worker"),
        ["--clustering"] = ("file:elsewhere", "Clustering=file:elsewhere"),
        ["--clustering-connection"] = ("127.0.0.1:6379 --clustering redis", "Clustering=redis"),
        ["--cluster-id"] = ("blue", "ClusterId=blue"),
        ["--cluster-secret-file"] = ("another", "SecretFile=another"),
        ["--silo-port"] = ("11k", "SiloPort=11000"),
        ["--advertise"] = ("127.0.0.2", "Advertise=127.0.0.2"),
        ["--name"] = ("silo-1", "Name=silo-1"),
        ["--allow-plain-silos"] = ("", "PlainSilos=Anywhere"),
    };

    public static TheoryData<string> EveryOption
    {
        get
        {
            var command = new Command("serve");
            new ClusterArguments().AddTo(command);
            return new(command.Options.Select(option => option.Name));
        }
    }

    [Theory]
    [MemberData(nameof(EveryOption))]
    public void An_option_becomes_the_value_that_it_names_and_no_other(string option)
    {
        Assert.True(Rows.TryGetValue(option, out var row), $"{option} needs a row above.");
        string[] standard = [.. new[] { "--clustering", "file:silos", "--cluster-secret-file", "secret" }.Chunk(2)
            .Where(pair => !$"{option} {row.Given}".Split(' ').Contains(pair[0])).SelectMany(pair => pair)];
        var changed = Values(Read([option, .. row.Given.Split(' ', StringSplitOptions.RemoveEmptyEntries), .. standard])).Except(Values(Read(Others.Split(' '))));
        Assert.Equal(row.Becomes, string.Join(' ', changed));
    }

    [Theory]
    [InlineData("--role worker", "Roles (--role) is Worker, but a cluster of one")]
    [InlineData("--role clerk", "Argument 'clerk' not recognized")]
    [InlineData("--clustering etcd", "--clustering takes local, file:PATH, redis or postgres, not 'etcd'.")]
    [InlineData("--clustering redis --cluster-secret-file secret", "--clustering redis needs --clustering-connection")]
    [InlineData("--clustering file:silos", "SecretFile (--cluster-secret-file) is missing")]
    [InlineData($"{Others} --silo-port 70000", "--silo-port takes")]
    [InlineData($"{Others} --advertise here", "--advertise takes an IP address, not 'here'.")]
    [InlineData($"{Others} --advertise 10.1.2.3", "Advertise (--advertise) is 10.1.2.3, beyond loopback")]
    [InlineData($"{Others} --name a/b", "Name (--name) is a/b; it must be 1 to 64 letters")]
    public void What_can_not_be_is_one_error_that_says_what_would_do(string arguments, string error) => Assert.StartsWith(
        error, Assert.Single(CommandTree.Parse(["serve", "model", .. arguments.Split(' ')]).Errors).Message, StringComparison.Ordinal);

    /// <summary>Alone nothing of a pod's environment counts: a single process is the same everywhere.</summary>
    [Fact]
    public void Address_name_and_connection_come_from_the_environment_where_there_are_others()
    {
        Dictionary<string, string> variables = new()
        {
            ["POD_IP"] = "10.1.2.3", ["POD_NAME"] = "llm-gpu-0", ["ORLEANSLLM_CLUSTERING_CONNECTION"] = "redis.example:6379",
        };
        try
        {
            foreach (var (name, value) in variables)
            {
                Environment.SetEnvironmentVariable(name, value);
            }

            Assert.Equal(Values(new ClusterMemberOptions()), Values(Read([])));
            var member = Read("--clustering redis --cluster-secret-file secret --allow-plain-silos".Split(' '));
            Assert.Equal(
                ("10.1.2.3", "llm-gpu-0", new Clustering.Redis("redis.example:6379")), (member.Advertise?.ToString(), member.Name, member.Clustering));
            var given = Read("--clustering redis --cluster-secret-file secret --advertise 127.0.0.1 --name a --clustering-connection b:1".Split(' '));
            Assert.Equal(("127.0.0.1", "a", new Clustering.Redis("b:1")), (given.Advertise?.ToString(), given.Name, given.Clustering));
        }
        finally
        {
            foreach (var name in variables.Keys)
            {
                Environment.SetEnvironmentVariable(name, null);
            }
        }
    }

    private static IEnumerable<string> Values(ClusterMemberOptions options) => typeof(ClusterMemberOptions).GetProperties()
        .Select(property => FormattableString.Invariant($"{property.Name}={property.GetValue(options) ?? "none"}"));

    private static ClusterMemberOptions Read(string[] arguments)
    {
        var cluster = new ClusterArguments();
        var command = new Command("serve");
        cluster.AddTo(command);
        var result = command.Parse(arguments);
        Assert.Empty(result.Errors);
        return cluster.Read(result);
    }
}
