using System.Globalization;
using System.Reflection;
using System.Text;
using OrleansLLM.Gateway.Requests;
using OrleansLLM.Gateway.Tests.Support;
using OrleansLLM.Testing;

namespace OrleansLLM.Gateway.Tests;

/// <summary>Every row of the table: its ends pass, what lies beyond them is refused by the field's name and the limit's number.</summary>
public sealed class LimitsTests(SharedHost shared) : IClassFixture<SharedHost>
{
    private const string Chat = "\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]";

    private readonly GatewayHost _host = shared.Host;

    public static TheoryData<string> Rows =>
        [.. typeof(Limits).GetFields(BindingFlags.Public | BindingFlags.Static).Where(row => row.FieldType == typeof(Limit)).Select(row => row.Name)];

    [Theory]
    [MemberData(nameof(Rows))]
    public async Task A_limit_holds_at_both_ends(string row)
    {
        var limit = (Limit)typeof(Limits).GetField(row)!.GetValue(null)!;
        var step = limit.Kind == LimitKind.Number ? 0.001m : 1;
        foreach (var value in new[] { limit.Minimum, limit.Maximum })
        {
            var answer = await SendAsync(row, limit, value);
            Assert.False(IsLimitOf(answer, limit), answer.Body[..Math.Min(300, answer.Body.Length)]);
        }

        foreach (var value in new[] { limit.Minimum - step, limit.Maximum + step }.Where(value => value >= 0 || limit.Kind is LimitKind.Integer or LimitKind.Number))
        {
            var answer = await SendAsync(row, limit, value);
            Assert.Equal(400, answer.Status);
            Assert.True(IsLimitOf(answer, limit), answer.Body[..Math.Min(300, answer.Body.Length)]);
        }
    }

    [Theory]
    [MemberData(nameof(Rows))]
    public async Task A_limit_is_in_the_document(string row)
    {
        var limit = (Limit)typeof(Limits).GetField(row)!.GetValue(null)!;
        var kind = limit.Kind switch
        {
            LimitKind.Integer => "the integer",
            LimitKind.Number => "the number",
            LimitKind.Items => "entries",
            _ => "characters",
        };
        var document = await File.ReadAllLinesAsync(Path.Combine(ReferenceData.Repository, "docs", "api.md"), TestContext.Current.CancellationToken);
        Assert.Contains($"| `{limit.Field}` | {Text(limit.Minimum)} | {Text(limit.Maximum)} | {kind} |", document);
    }

    [Theory]
    [InlineData(4, 128, 200)]
    [InlineData(5, 128, 400)]
    public async Task Prompts_times_n_have_a_limit(int prompts, int samples, int status)
    {
        _host.Generator.Answer = (_, _) => new Script(['a']);
        var list = string.Join(',', Enumerable.Repeat("\"p\"", prompts));
        var answer = await _host.PostAsync("/v1/completions", $$"""{"prompt":[{{list}}],"n":{{samples}}}""");
        Assert.Equal(status, answer.Status);
        if (status == 400)
        {
            Assert.Contains("512", (string?)answer.Error("message"), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Bad_words_have_a_limit_in_tokens()
    {
        var words = List($"\"{new string('b', 256)}\"", 20);
        var answer = await _host.PostAsync("/v1/completions", $$"""{"prompt":"a","bad_words":{{words}}}""");
        Assert.Equal((400, "bad_words"), (answer.Status, (string?)answer.Error("param")));
        Assert.Contains("4096", (string?)answer.Error("message"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/v1/completions", "\"prompt\":\"@\"", "prompt")]
    [InlineData("/v1/completions", "\"prompt\":[\"a\",\"@\"],\"truncate_prompt_tokens\":5", "prompt")]
    [InlineData("/v1/chat/completions", "\"messages\":[{\"role\":\"user\",\"content\":\"@\"}]", "messages")]
    [InlineData("/tokenize", "\"prompt\":\"@\"", "prompt")]
    [InlineData("/tokenize", "\"messages\":[{\"role\":\"user\",\"content\":\"@\"}]", "messages")]
    public async Task A_text_that_can_never_fit_is_refused_before_it_is_tokenized(string path, string fields, string field)
    {
        var most = Limits.TextCharacters(GatewayHost.MaxLength);
        var answer = await _host.PostAsync(path, $"{{{fields.Replace("@", new string('a', (int)most + 1), StringComparison.Ordinal)}}}");
        Assert.Equal((400, field, "context_length_exceeded"), (answer.Status, (string?)answer.Error("param"), (string?)answer.Error("code")));
        Assert.Contains($"{GatewayHost.MaxLength} tokens", (string?)answer.Error("message"), StringComparison.Ordinal);
        Assert.Contains(most.ToString(CultureInfo.InvariantCulture), (string?)answer.Error("message"), StringComparison.Ordinal);
        Assert.Contains(most.ToString(CultureInfo.InvariantCulture), await File.ReadAllTextAsync(
            Path.Combine(ReferenceData.Repository, "docs", "api.md"), TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"messages\":[{\"role\":\"user\",\"content\":\"a\",\"x\":@}]", "messages[0].x")]
    [InlineData("\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],\"chat_template_kwargs\":{\"x\":@}", "chat_template_kwargs")]
    public async Task Values_for_a_template_have_a_limit_in_all(string fields, string field)
    {
        foreach (var (items, status) in new[] { (Limits.CopiedValues - 3, 200), (Limits.CopiedValues, 400) })
        {
            var answer = await _host.PostAsync("/v1/chat/completions", $"{{{fields.Replace("@", List("0", items), StringComparison.Ordinal)}}}");
            Assert.Equal(status, answer.Status);
            if (status == 400)
            {
                Assert.Equal(field, (string?)answer.Error("param"));
                Assert.Contains("65536", (string?)answer.Error("message"), StringComparison.Ordinal);
            }
        }
    }

    private static bool IsLimitOf(Answer answer, Limit limit) =>
        answer.Status == 400
        && ((string?)answer.Error("param"))?.Split('.')[^1] == limit.Field
        && ((string?)answer.Error("message"))!.Contains(" must ", StringComparison.Ordinal)
        && ((string?)answer.Error("message"))!.Contains(limit.Maximum.ToString("0.##", CultureInfo.InvariantCulture), StringComparison.Ordinal);

    private Task<Answer> SendAsync(string row, Limit limit, decimal value)
    {
        var (path, rest) = row switch
        {
            nameof(Limits.MaxChatTokens) or nameof(Limits.MaxCompletionTokens) => ("/v1/chat/completions", $",{Chat}"),
            nameof(Limits.TopLogprobs) => ("/v1/chat/completions", $",{Chat},\"logprobs\":true"),
            nameof(Limits.Messages) or nameof(Limits.ContentParts) => ("/v1/chat/completions", ""),
            nameof(Limits.Tokens) => ("/detokenize", ""),
            nameof(Limits.Prompts) => ("/v1/completions", ",\"max_tokens\":1"),
            nameof(Limits.BestOf) => ("/v1/completions", ",\"prompt\":\"a\",\"n\":1"),
            _ => ("/v1/completions", ",\"prompt\":\"a\",\"max_tokens\":1"),
        };
        var first = row == nameof(Limits.MaxTokens) ? $"\"max_tokens\":{Text(value)},\"prompt\":\"a\"" : $"{Field(row, limit, value)}{rest}";
        return _host.PostAsync(path, $"{{{first}}}");
    }

    private static string Field(string row, Limit limit, decimal value) => row switch
    {
        nameof(Limits.LogitBias) => $"\"logit_bias\":{{{string.Join(',', Enumerable.Repeat("\"97\":1", (int)value))}}}",
        nameof(Limits.LogitBiasValue) => $"\"logit_bias\":{{\"97\":{Text(value)}}}",
        nameof(Limits.ContentParts) => $"\"messages\":[{{\"role\":\"user\",\"content\":{List("{\"type\":\"text\",\"text\":\"\"}", value)}}}]",
        nameof(Limits.Messages) => $"\"messages\":{List("{\"role\":\"user\",\"content\":\"\"}", value)}",
        _ => $"\"{limit.Field}\":{Value(limit, value)}",
    };

    private static string Value(Limit limit, decimal value) => limit.Kind switch
    {
        LimitKind.Items => List(limit.Field.EndsWith("ids", StringComparison.Ordinal) || limit.Field == "tokens" ? "97" : "\"a\"", value),
        LimitKind.Characters => $"\"{new string('m', (int)value)}\"",
        _ => Text(value),
    };

    private static string List(string item, decimal count)
    {
        var list = new StringBuilder("[");
        for (var i = 0; i < count; i++)
        {
            list.Append(i == 0 ? "" : ",").Append(item);
        }

        return list.Append(']').ToString();
    }

    private static string Text(decimal value) => value.ToString(CultureInfo.InvariantCulture);
}
