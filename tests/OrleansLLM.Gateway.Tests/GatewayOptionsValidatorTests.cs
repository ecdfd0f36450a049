using Microsoft.Extensions.DependencyInjection;
using OrleansLLM.Testing;

namespace OrleansLLM.Gateway.Tests;

public sealed class GatewayOptionsValidatorTests
{
    private static readonly GatewayOptions Sound = new();

    [Fact]
    public void Times_below_zero_are_refused_and_named()
    {
        var cases = ImpossibleOptions.Of(Sound).Where(item => !item.Property.EndsWith("Bytes", StringComparison.Ordinal)).ToList();
        Assert.Equal(["RequestTimeout", "QueueTimeout", "RetryAfter", "SseKeepAlive"], cases.Select(item => item.Property));
        Assert.All(cases, item => Assert.Matches(
            $"^{item.Property}.* is -00:00:02; it must be 0 or more", Assert.Single(GatewayOptionsValidator.Validate(item.Options).Sentences)));
    }

    [Fact]
    public void Budgets_too_small_for_any_request_are_refused_and_named()
    {
        var cases = ImpossibleOptions.Of(Sound).Where(item => item.Property.EndsWith("Bytes", StringComparison.Ordinal)).ToList();
        Assert.Equal(["MaxParsedBytes", "MaxWaitingBytes", "MaxCollectedBytes"], cases.Select(item => item.Property));
        Assert.All(cases, item => Assert.Matches(
            $"^{item.Property}.* is -2; it must be 1048576 bytes or more", Assert.Single(GatewayOptionsValidator.Validate(item.Options).Sentences)));
        Assert.Empty(GatewayOptionsValidator.Validate(Sound with { MaxParsedBytes = 1 << 20, MaxWaitingBytes = 1 << 20, MaxCollectedBytes = 1 << 20 }).Sentences);
    }

    [Fact]
    public void Times_of_zero_and_none_are_sound()
    {
        Assert.Empty(GatewayOptionsValidator.Validate(Sound).Sentences);
        Assert.Empty(GatewayOptionsValidator.Validate(
            Sound with { RequestTimeout = TimeSpan.Zero, QueueTimeout = TimeSpan.Zero, RetryAfter = TimeSpan.Zero, SseKeepAlive = TimeSpan.Zero }).Sentences);
    }

    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData("secret-3 ")]
    [InlineData("\nsecret-3")]
    public void A_key_that_no_client_can_send_is_refused_by_its_tenant_and_never_shown(string key)
    {
        var options = Sound with { ApiKeys = [new ApiKey("alice", "secret-1"), new ApiKey("bob", key)] };
        Assert.Equal(
            ["ApiKeys (--api-key) holds a key of 'bob' that no client can send; it must not be empty and have no white space at its ends."],
            GatewayOptionsValidator.Validate(options).Sentences);
        Assert.Equal(
            ["PriorityApiKeys (--priority-api-key) holds a key of 'bob' that no client can send; it must not be empty and have no white space at its ends."],
            GatewayOptionsValidator.Validate(Sound with { PriorityApiKeys = options.ApiKeys }).Sentences);
    }

    [Theory]
    [InlineData("secret-1", "AdminKey (--admin-key) is a client's key, too, of ApiKeys (--api-key) or PriorityApiKeys (--priority-api-key); it must be another one, or that client could administer.")]
    [InlineData("secret-2", "AdminKey (--admin-key) is a client's key, too, of ApiKeys (--api-key) or PriorityApiKeys (--priority-api-key); it must be another one, or that client could administer.")]
    [InlineData("secret-3 ", "AdminKey (--admin-key) is a key that nobody can send; it must not be empty and have no white space at its ends.")]
    [InlineData("", "AdminKey (--admin-key) is a key that nobody can send; it must not be empty and have no white space at its ends.")]
    [InlineData("secret-3", null)]
    [InlineData(null, null)]
    public void The_key_of_administration_can_be_sent_and_is_no_clients(string? key, string? problem)
    {
        var options = Sound with { ApiKeys = [new ApiKey("alice", "secret-1")], PriorityApiKeys = [new ApiKey("bob", "secret-2")], AdminKey = key };
        Assert.Equal(problem is null ? [] : [problem], GatewayOptionsValidator.Validate(options).Sentences);
    }

    [Theory]
    [InlineData(0, true)]
    [InlineData(1, false)]
    [InlineData(15, false)]
    [InlineData(16, true)]
    public void A_secret_is_drawn_at_random_or_long_enough(int bytes, bool isSound) => Assert.Equal(
        isSound ? [] : [FormattableString.Invariant($"ClusterSecret has {bytes} bytes; it must have 16 or more, or none to be drawn at random.")],
        GatewayOptionsValidator.Validate(Sound with { ClusterSecret = new byte[bytes] }).Sentences);

    [Theory]
    [InlineData("https://a.example/", false)]
    [InlineData("https://a.example/page", false)]
    [InlineData("https://a.example", true)]
    [InlineData("http://localhost:3000", true)]
    [InlineData("*", true)]
    [InlineData("null", true)]
    public void Origins_have_no_path(string origin, bool isSound)
    {
        var problems = GatewayOptionsValidator.Validate(Sound with { CorsOrigins = ["https://b.example", origin] }).Sentences;
        Assert.Equal(
            isSound ? [] : [$"CorsOrigins (--allowed-origins) holds '{origin}'; it must be an origin such as https://example.org, without a path or a slash at the end."],
            problems);
    }

    [Theory]
    [InlineData("https://a.example", false)]
    [InlineData("a.example:8000", false)]
    [InlineData("a.example/", false)]
    [InlineData("a b", false)]
    [InlineData("[::1]:80", false)]
    [InlineData("*.example", false)]
    [InlineData("", false)]
    [InlineData(".", false)]
    [InlineData("a.example", true)]
    [InlineData("my_host", true)]
    [InlineData("192.168.1.2", true)]
    [InlineData("fe80::1", true)]
    [InlineData("[fe80::1]", true)]
    [InlineData("*", true)]
    public void Hosts_are_names_or_addresses_alone(string host, bool isSound)
    {
        var problems = GatewayOptionsValidator.Validate(Sound with { AllowedHosts = ["b.example", host] }).Sentences;
        Assert.Equal(
            isSound ? [] : [$"AllowedHosts (--allowed-hosts) holds '{host}'; it must be a name or an address such as chat.example.org, without a scheme or a port."],
            problems);
    }

    [Fact]
    public void A_gateway_with_options_that_can_not_be_is_not_registered()
    {
        var services = new ServiceCollection();
        var options = Sound with { QueueTimeout = TimeSpan.FromSeconds(-1), ApiKeys = [new ApiKey("bob", "")] };
        var error = Assert.Throws<ArgumentException>(() => services.AddOrleansLLMGateway(options));
        Assert.Equal(2, error.Message.Split('\n').Length);
        Assert.Empty(services);
    }
}
