using OrleansLLM.Gateway.Answers;
using OrleansLLM.Gateway.Requests;
using OrleansLLM.Testing;
using OrleansLLM.Text;

namespace OrleansLLM.Gateway.Tests;

public sealed class EnvelopeTests
{
    private static readonly RecordedBytes Recorded = new(
        "tests/OrleansLLM.Gateway.Tests/Recorded/Envelope.1.txt", "Version 1 of Envelope. A layout that differs is another version, in a file of its own.");

    private static readonly Envelope Full = new(
        Kind: AnswerKind.Chat,
        Created: 1_700_000_001,
        ModelName: "modèle",
        Shape: new AnswerShape
        {
            Stop = ["stop\n", "<é😀>"],
            StopText = StopStringText.Included,
            Special = SpecialTokens.Keep,
            Logprobs = 3,
            PromptLogprobs = 4,
            Echo = PromptEcho.Repeat,
            TokenIds = TokenIds.Show,
        },
        ClientStops: [5, 6],
        Stream: new StreamOptions(UsageReport.Every),
        BodyHash: [7, 8, 9],
        Echo: "What was \"sent\"",
        TraceParent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        Requests: ["0123456789abcdeffedcba9876543210", "0123456789abcdeffedcba9876543211"]);

    private static readonly Envelope Bare = Full with
    {
        Kind = AnswerKind.Completion, Shape = new AnswerShape(), ClientStops = [], Stream = null, Echo = "", TraceParent = null, Requests = [Full.Requests[0]],
    };

    [Fact]
    [Trait("Category", "Contract")]
    public void It_is_written_as_recorded_and_read_field_by_field()
    {
        Recorded.Equal([("full", Full.Write()), ("bare", Bare.Write())]);
        Assert.Equal(Fields.Of(Full), Fields.Of(Envelope.Read(Recorded.Read("full"))));
        Assert.Equal(Fields.Of(Bare), Fields.Of(Envelope.Read(Recorded.Read("bare"))));
    }

    [Fact]
    public void Another_version_and_every_cut_are_none()
    {
        var bytes = Full.Write();
        Assert.All(Enumerable.Range(0, bytes.Length), length => Assert.Null(Envelope.Read(bytes.AsSpan(0, length))));
        Assert.Null(Envelope.Read([2, .. bytes[1..]]));
        Assert.Null(Envelope.Read([.. bytes, (byte)'x']));
    }

    [Fact]
    public void Damaged_bytes_are_read_or_none_and_nothing_else()
    {
        var random = new Random(8);
        var whole = Full.Write();
        var none = 0;
        for (var round = 0; round < 20_000; round++)
        {
            var bytes = whole.ToArray();
            for (var change = random.Next(1, 4); change > 0; change--)
            {
                bytes[random.Next(1, bytes.Length)] = (byte)(random.Next(2) == 0 ? "0123456789-.eE\"[]{},:nul"[random.Next(24)] : random.Next(256));
            }

            if (Envelope.Read(bytes) is { } read)
            {
                _ = new StopStrings(read.Shape.Stop, read.Shape.StopText);
                Assert.All(read.Requests, request => Assert.True(RequestId.TryParse(request, out _)));
                Assert.NotNull(read.Write());
            }
            else
            {
                none++;
            }
        }

        Assert.InRange(none, 5_000, 19_999);
    }

    [Theory]
    [InlineData("\"kind\":1", "\"kind\":2")]
    [InlineData("\"stopText\":1", "\"stopText\":9")]
    [InlineData("\"logprobs\":3", "\"logprobs\":21")]
    [InlineData("\"usage\":2", "\"usage\":3")]
    [InlineData("\"stop\":[", "\"stop\":[null,")]
    [InlineData("\"stop\":[", "\"stop\":[\"\",")]
    [InlineData("\"stop\":", "\"other\":")]
    [InlineData("\"stop\":", "\"tokenIds\":0,\"stop\":null,\"x\":")]
    [InlineData("0123456789abcdeffedcba9876543210", "0123")]
    [InlineData("\"created\":", "\"more\":1,\"created\":")]
    public void What_can_not_be_is_none(string text, string other)
    {
        var json = System.Text.Encoding.UTF8.GetString(Full.Write());
        Assert.Contains(text, json, StringComparison.Ordinal);
        Assert.Null(Envelope.Read(System.Text.Encoding.UTF8.GetBytes(json.Replace(text, other, StringComparison.Ordinal))));
    }
}
