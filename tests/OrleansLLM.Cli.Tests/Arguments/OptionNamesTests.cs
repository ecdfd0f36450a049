using System.Net;
using System.Text.RegularExpressions;
using OrleansLLM.Cli.Commands;
using OrleansLLM.Cluster;
using OrleansLLM.Compute;
using OrleansLLM.Gateway;
using OrleansLLM.Hosting;
using OrleansLLM.Models;
using OrleansLLM.Sequences;
using OrleansLLM.Testing;

namespace OrleansLLM.Cli.Tests.Arguments;

/// <summary>Validators lie below the command line and still say its names.</summary>
public sealed partial class OptionNamesTests
{
    private static readonly ModelFacts Facts = new(
        "fake", 32, 2048, new CacheLayout(new KvGeometry(16, 1, 1, 1, 1, ElementType.Float32), [new CacheGroup(0)]), DynamicRopeOrigin: 0);

    [Fact]
    public void Every_argument_that_a_validator_names_is_one_of_serve()
    {
        string[] sentences =
        [
            .. ImpossibleOptions.Of(new ModelOptions { Path = "model" }).SelectMany(item => ModelOptionsValidator.Validate(item.Options, Facts).Sentences),
            .. ImpossibleOptions.Of(new GatewayOptions()).SelectMany(item => GatewayOptionsValidator.Validate(item.Options).Sentences),
            .. ImpossibleOptions.Of(new SequenceLogOptions()).SelectMany(item => SequenceLogOptionsValidator.Validate(item.Options).Sentences),
            .. ImpossibleOptions.Of(new ClusterMemberOptions { Clustering = new Clustering.File("silos"), ClusterId = "", Name = "", Advertise = IPAddress.Any }).SelectMany(item => ClusterMemberOptionsValidator.Validate(item.Options).Sentences),
            .. ClusterMemberOptionsValidator.Validate(new ClusterMemberOptions { Clustering = new Clustering.Redis(""), SecretFile = "a", Advertise = IPAddress.Parse("10.0.0.1") }).Sentences,
            .. GatewayOptionsValidator.Validate(new GatewayOptions { AdminKey = "", ApiKeys = [new ApiKey("bob", "")], PriorityApiKeys = [new ApiKey("bob", "")], AllowedHosts = [""], CorsOrigins = ["https://a.example/"] }).Sentences,
        ];
        var named = sentences.SelectMany(sentence => Argument().Matches(sentence)).Select(match => match.Value).Distinct().ToList();

        Assert.Equal(37, named.Count);
        Assert.Empty(named.Except(ServeCommand.Create().Options.Select(option => option.Name)));
    }

    [GeneratedRegex("--[a-z-]+")]
    private static partial Regex Argument();
}
