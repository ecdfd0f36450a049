using System.Text;
using OrleansLLM.Gateway.Http;

namespace OrleansLLM.Gateway.Tests;

public sealed class GatewaySecretTests
{
    private static readonly GatewaySecret Secret = new(Encoding.UTF8.GetBytes("a secret of a cluster"));
    private static readonly IdempotencyKey Key = new("tenant", "key");

    [Fact]
    [Trait("Category", "Contract")]
    public void Gateways_of_every_version_make_the_same_of_the_same()
    {
        Assert.Equal("92edec784d4b8b20812baa72b23ebcf2", Secret.TenantOf("sk-a"));
        Assert.Equal("4d8ad9f9395daf077d2969fd128727bb", Secret.RequestOf(Key, 1, 2).ToString());
        Assert.Equal(8344191799731162585u, Secret.SeedOf(Key, 1));
    }

    [Fact]
    public void Whatever_differs_gives_another_name()
    {
        GatewaySecret other = new(Encoding.UTF8.GetBytes("a secret of another"));
        RequestId[] requests =
        [
            Secret.RequestOf(Key, 1, 2), Secret.RequestOf(Key, 2, 1), Secret.RequestOf(Key, 12, 0), Secret.RequestOf(Key, 1, 20), Secret.RequestOf(new("tenant", "2\nkey"), 1, 0),
            Secret.RequestOf(new("other", "key"), 1, 2), Secret.RequestOf(new("tenant", "other"), 1, 2), other.RequestOf(Key, 1, 2), new GatewaySecret(default).RequestOf(Key, 1, 2),
        ];
        Assert.Distinct(requests);
        ulong[] seeds = [Secret.SeedOf(Key, 1), Secret.SeedOf(Key, 2), Secret.SeedOf(new("other", "key"), 1), Secret.SeedOf(new("tenant", "other"), 1), other.SeedOf(Key, 1)];
        Assert.Distinct(seeds);
        Assert.Distinct([Secret.TenantOf("sk-a"), Secret.TenantOf("sk-b"), other.TenantOf("sk-a")]);
    }
}
