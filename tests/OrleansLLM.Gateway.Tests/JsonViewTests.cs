using System.Text;
using System.Text.Json;
using OrleansLLM.Gateway.Requests;

namespace OrleansLLM.Gateway.Tests;

/// <summary>A view reads what JsonDocument reads, whatever valid JSON it lies in.</summary>
public sealed class JsonViewTests
{
    private static readonly string[] Scalars =
    [
        "null", "true", "false", "0", "-0", "12", "-7", "1.5", "1e3", "-2.5E-2", "9223372036854775807", "-9223372036854775808", "9223372036854775808",
        "1e400", "123456789012345678901234567890", "\"\"", "\"a\"", "\"]}[{,:\"", "\"\\\"\"", "\"\\\\\"", "\"a\\\\\\\"]\"", "\"\\u00e9é😀\"", "\"\\ud83d\\ude00\"",
    ];

    private static readonly string[] Names = ["\"a\"", "\"b\"", "\"\"", "\"\\u0061\"", "\"é\"", "\"]\"", "\"\\\"\"", "\"a b\""];

    private static readonly string[] Spaces = ["", "", "", " ", "\n", "\t \r\n"];

    [Fact]
    public void Any_value_reads_as_a_document_has_it()
    {
        var random = new Random(11);
        for (var round = 0; round < 4000; round++)
        {
            var text = Space(random) + Value(random, 5) + Space(random);
            using var document = JsonDocument.Parse(text);
            Compare(document.RootElement, JsonView.OfBody(Encoding.UTF8.GetBytes(text)), text);
        }
    }

    private static void Compare(JsonElement expected, JsonView view, string text)
    {
        Assert.True(expected.ValueKind == view.ValueKind, text);
        switch (expected.ValueKind)
        {
            case JsonValueKind.Array:
                Assert.Equal(expected.GetArrayLength(), view.GetArrayLength());
                Assert.All(expected.EnumerateArray().Zip(view.EnumerateArray()), pair => Compare(pair.First, pair.Second, text));
                break;
            case JsonValueKind.Object:
                CompareMembers(expected, view, text);
                break;
            case JsonValueKind.String:
                Assert.Equal(expected.GetString(), view.GetString());
                Assert.Equal(expected.ValueEquals("a"), view.ValueEquals("a"));
                Assert.Equal(expected.GetString(), view.CopyScalar()!.GetValue<string>());
                break;
            case JsonValueKind.Number:
                Assert.Equal(expected.TryGetInt64(out var whole), view.TryGetInt64(out var wholeView));
                Assert.Equal(whole, expected.TryGetInt64(out _) ? wholeView : 0);
                Assert.True(view.TryGetDouble(out var real));
                Assert.Equal(expected.GetDouble(), real);
                Assert.Equal(expected.GetRawText(), view.GetRawText(1000));
                Assert.Equal(expected.GetRawText() == "-0" ? "0" : expected.GetRawText(), view.CopyScalar()!.ToJsonString());
                break;
            default:
                Assert.Equal(expected.GetRawText(), view.CopyScalar()?.ToJsonString() ?? "null");
                break;
        }
    }

    private static void CompareMembers(JsonElement expected, JsonView view, string text)
    {
        var members = expected.EnumerateObject().ToList();
        Assert.Equal(members.Select(member => member.Name), view.EnumerateObject().Select(member => member.Name));
        Assert.All(members.Zip(view.EnumerateObject()), pair => Compare(pair.First.Value, pair.Second.Value, text));
        foreach (var name in new[] { "a", "b", "é", "missing" })
        {
            Assert.Equal(expected.TryGetProperty(name, out var value), view.TryGetProperty(name, out var found));
            if (value.ValueKind != JsonValueKind.Undefined)
            {
                Compare(value, found, text);
            }
        }
    }

    private static string Value(Random random, int depth) => (depth == 0 ? 2 : random.Next(4)) switch
    {
        0 => List(random, '[', ']', () => Value(random, depth - 1)),
        1 => List(random, '{', '}', () => $"{Names[random.Next(Names.Length)]}{Space(random)}:{Space(random)}{Value(random, depth - 1)}"),
        _ => Scalars[random.Next(Scalars.Length)],
    };

    private static string List(Random random, char open, char close, Func<string> item) =>
        open + Space(random)
        + string.Join(',', Enumerable.Range(0, random.Next(5)).Select(_ => Space(random) + item() + Space(random)))
        + close;

    private static string Space(Random random) => Spaces[random.Next(Spaces.Length)];
}
