using OrleansLLM.Gateway.Tests.Support;

namespace OrleansLLM.Gateway.Tests;

public sealed class TokenizeTests(SharedHost shared) : IClassFixture<SharedHost>
{
    private readonly GatewayHost _host = shared.Host;

    [Theory]
    [InlineData("\"prompt\":\"Hi</s>\"", "[256,72,105,257]")]
    [InlineData("\"prompt\":\"Hi\",\"add_special_tokens\":false", "[72,105]")]
    [InlineData("\"prompt\":\"\",\"add_special_tokens\":false", "[]")]
    [InlineData("\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]", "[258,72,105,260,259]")]
    [InlineData("\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}],\"add_generation_prompt\":false,\"add_special_tokens\":true", "[256,258,72,105,260]")]
    public async Task Text_or_messages_become_ids(string fields, string ids)
    {
        var answer = await _host.PostAsync("/tokenize", $"{{\"model\":\"fake\",{fields}}}");
        Assert.Equal(200, answer.Status);
        Assert.Equal(ids, answer.Json["tokens"]!.ToJsonString());
        Assert.Equal(answer.Json["tokens"]!.AsArray().Count, (int)answer.Json["count"]!);
        Assert.Equal(GatewayHost.MaxLength, (int)answer.Json["max_model_len"]!);
        Assert.Null(answer.Json["token_strs"]);
    }

    [Fact]
    public async Task Token_strings_come_where_they_are_asked_for() => Assert.Equal(
        """["H","i"," hello"]""",
        (await _host.PostAsync("/tokenize", """{"prompt":"Hi hello","add_special_tokens":false,"return_token_strs":true}""")).Json["token_strs"]!.ToJsonString());

    [Fact]
    public async Task Ids_become_text() => Assert.Equal(
        """{"prompt":"<s>Hi hello"}""", (await _host.PostAsync("/detokenize", """{"tokens":[256,72,105,262]}""")).Body);

    [Fact]
    public async Task Models_say_how_long_a_sequence_may_be()
    {
        var cards = (await _host.GetAsync("/v1/models")).Json["data"]!.AsArray();
        Assert.Equal(["fake", "also-fake"], cards.Select(card => (string?)card!["id"]));
        Assert.All(cards, card => Assert.Equal((GatewayHost.MaxLength, "fake"), ((int)card!["max_model_len"]!, (string?)card["root"])));
    }

    [Fact]
    public async Task The_version_is_the_hosts()
    {
        await using var host = await GatewayHost.StartAsync(new() { Version = "1.2.3" });
        Assert.Equal("""{"version":"1.2.3"}""", (await host.GetAsync("/version")).Body);
    }
}
