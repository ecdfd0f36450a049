using System.Net;
using OrleansLLM.Testing;

namespace OrleansLLM.Cluster.Tests.Hosting;

public sealed class ClusterMemberOptionsValidatorTests
{
    private static readonly ClusterMemberOptions Sound = new() { Clustering = new OrleansLLM.Cluster.Clustering.File("silos"), SecretFile = "secret" };

    [Fact]
    public void Alone_and_among_others_the_defaults_can_be()
    {
        Assert.Empty(ClusterMemberOptionsValidator.Validate(new()).Sentences);
        Assert.Empty(ClusterMemberOptionsValidator.Validate(Sound).Sentences);
        Assert.Empty(ClusterMemberOptionsValidator.Validate(Sound with { Advertise = IPAddress.IPv6Loopback, SiloPort = 0, Name = "a-1.b_2" }).Sentences);
        Assert.Empty(ClusterMemberOptionsValidator.Validate(Sound with { Advertise = IPAddress.Parse("10.0.0.1"), PlainSilos = PlainSilos.Anywhere }).Sentences);
    }

    [Fact]
    public void Every_number_and_choice_has_a_range()
    {
        foreach (var (property, options) in ImpossibleOptions.Of(Sound))
        {
            Assert.StartsWith(property, Assert.Single(ClusterMemberOptionsValidator.Validate(options).Sentences), StringComparison.Ordinal);
        }
    }

    public static TheoryData<ClusterMemberOptions, string> Refused => new()
    {
        { Sound with { SecretFile = null }, "SecretFile (--cluster-secret-file) is missing" },
        { Sound with { ClusterId = "../x" }, "ClusterId (--cluster-id) is ../x" },
        { Sound with { ClusterId = "" }, "ClusterId (--cluster-id) is " },
        { Sound with { Name = "a/b" }, "Name (--name) is a/b" },
        { Sound with { Name = new string('a', 65) }, "Name (--name) is aaa" },
        { Sound with { SiloPort = 65_536 }, "SiloPort (--silo-port) is 65536; it must be 1 to 65535" },
        { Sound with { Advertise = IPAddress.Any, PlainSilos = PlainSilos.Anywhere }, "Advertise (--advertise) is 0.0.0.0; it must be an address" },
        { Sound with { Advertise = IPAddress.Parse("10.0.0.1") }, "Advertise (--advertise) is 10.0.0.1, beyond loopback" },
        { Sound with { Clustering = new OrleansLLM.Cluster.Clustering.Redis("127.0.0.1:6379,nonsense=1") }, "--clustering-connection can't be read" },
        { Sound with { Clustering = new OrleansLLM.Cluster.Clustering.Postgres("Nonsense") }, "--clustering-connection can't be read" },
        { new() { Roles = SiloRoles.Worker }, "Roles (--role) is Worker, but a cluster of one" },
        { new() { SiloPort = 11111 }, "SiloPort (--silo-port) is given, but a cluster of one" },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public void What_can_not_be_is_named_with_what_would_do(ClusterMemberOptions options, string sentence) =>
        Assert.StartsWith(sentence, Assert.Single(ClusterMemberOptionsValidator.Validate(options).Sentences), StringComparison.Ordinal);
}
