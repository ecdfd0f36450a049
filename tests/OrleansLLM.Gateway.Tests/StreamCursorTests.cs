using System.Text;
using OrleansLLM.Gateway.Answers;

namespace OrleansLLM.Gateway.Tests;

public sealed class StreamCursorTests
{
    private const string Digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

    private static readonly AnswerId Chat = new(AnswerKind.Chat, new RequestId(0x0123456789ABCDEF, 0xFEDCBA9876543210));

    [Theory]
    [InlineData(ChoiceStage.None, 0, "A")]
    [InlineData(ChoiceStage.Opened, 0, "B")]
    [InlineData(ChoiceStage.Echoed, 0, "C")]
    [InlineData(ChoiceStage.Ended, 0, "D")]
    [InlineData(ChoiceStage.Opened, 7, "d")]
    [InlineData(ChoiceStage.Opened, 8, "hB")]
    [InlineData(ChoiceStage.Ended, 1000, "j9D")]
    [InlineData(ChoiceStage.Ended, int.MaxValue, "______H")]
    public void A_state_is_as_short_as_its_number(int stage, int tokens, string digits)
    {
        var cursor = new StreamCursor(new AnswerAddress(Chat, null), 1) { [0] = new((ChoiceStage)stage, tokens) };
        Assert.Equal($"chatcmpl-0123456789abcdeffedcba9876543210:1:0:{digits}", cursor.ToString());
        Assert.Equal(new((ChoiceStage)stage, tokens), StreamCursor.Parse(cursor.ToString())![0]);
    }

    [Fact]
    public void The_largest_that_can_be_fits_into_4_kilobytes()
    {
        var cursor = new StreamCursor(new AnswerAddress(Chat, null), 512) { HasUsage = true };
        for (var choice = 0; choice < 512; choice++)
        {
            cursor[choice] = new ChoiceProgress(ChoiceStage.Ended, int.MaxValue);
        }

        Assert.InRange(cursor.ToString().Length, 1, 4096);
        Assert.Equal(cursor.ToString(), StreamCursor.Parse(cursor.ToString())!.ToString());
    }

    [Fact]
    public void Any_cursor_comes_back_as_it_was()
    {
        var random = new Random(5);
        for (var round = 0; round < 500; round++)
        {
            var cursor = Any(random);
            var read = StreamCursor.Parse(cursor.ToString())!;
            Assert.Equal((cursor.Of, cursor.Choices, cursor.HasUsage), (read.Of, read.Choices, read.HasUsage));
            Assert.All(Enumerable.Range(cursor.Of.Choice ?? 0, cursor.Choices), choice => Assert.Equal(cursor[choice], read[choice]));
        }
    }

    [Fact]
    public void Damaged_text_is_none_or_the_only_text_of_another_cursor()
    {
        var random = new Random(6);
        var refused = 0;
        for (var round = 0; round < 20_000; round++)
        {
            var text = new StringBuilder(Any(random).ToString());
            for (var change = random.Next(1, 4); change > 0; change--)
            {
                var at = random.Next(text.Length);
                _ = random.Next(4) switch
                {
                    0 => text.Remove(at, 1),
                    1 => text.Insert(at, Digits[random.Next(64)]),
                    2 => text.Insert(at, ":.01aA_ ~é\0"[random.Next(11)]),
                    _ => text.Replace(text[at], (char)random.Next(32, 300), at, 1),
                };
                text.Append(text.Length == 0 ? "x" : "");
            }

            var cursor = StreamCursor.Parse(text.ToString());
            refused += cursor is null ? 1 : 0;
            Assert.True(cursor is null || cursor.ToString() == text.ToString(), text.ToString());
        }

        Assert.InRange(refused, 10_000, 19_999);
    }

    [Theory]
    [InlineData("")]
    [InlineData("chatcmpl-0123456789abcdeffedcba9876543210")]
    [InlineData("chatcmpl-0123456789abcdeffedcba9876543210:1:0:")]
    [InlineData("chatcmpl-0123456789abcdeffedcba9876543210:2:0:A")]
    [InlineData("chatcmpl-0123456789abcdeffedcba9876543210:1:2:A")]
    [InlineData("chatcmpl-0123456789abcdeffedcba9876543210:1:0:A:")]
    [InlineData("chatcmpl-0123456789ABCDEFFEDCBA9876543210:1:0:A")]
    [InlineData("cmp-0123456789abcdeffedcba9876543210:1:0:A")]
    [InlineData("chatcmpl-0123456789abcdeffedcba987654321:1:0:A")]
    [InlineData("chatcmpl-0123456789abcdeffedcba9876543210.01:1:0:A")]
    [InlineData("chatcmpl-0123456789abcdeffedcba9876543210.:1:0:A")]
    [InlineData("chatcmpl-0123456789abcdeffedcba9876543210.1:1:0:AA")]
    [InlineData("chatcmpl-0123456789abcdeffedcba9876543210.99999999999:1:0:A")]
    [InlineData("chatcmpl-0123456789abcdeffedcba9876543210:1:0:E")]
    [InlineData("chatcmpl-0123456789abcdeffedcba9876543210:1:0:lA")]
    [InlineData("chatcmpl-0123456789abcdeffedcba9876543210:1:0:l")]
    [InlineData("chatcmpl-0123456789abcdeffedcba9876543210:1:0:______I")]
    [InlineData("chatcmpl-0123456789abcdeffedcba9876543210:1:0:_______B")]
    public void What_no_cursor_is_written_as_is_none(string text) => Assert.Null(StreamCursor.Parse(text));

    [Fact]
    public void One_that_is_too_long_is_none() =>
        Assert.Null(StreamCursor.Parse($"{new AnswerAddress(Chat, null)}:1:0:{new string('A', 4096)}"));

    private static StreamCursor Any(Random random)
    {
        var id = new AnswerId((AnswerKind)random.Next(2), RequestId.Create());
        var only = random.Next(3) == 0 ? random.Next(512) : (int?)null;
        var cursor = new StreamCursor(new AnswerAddress(id, only), only is null ? random.Next(1, 6) : 1) { HasUsage = random.Next(2) == 0 };
        for (var choice = 0; choice < cursor.Choices; choice++)
        {
            var stage = (ChoiceStage)random.Next(4);
            cursor[choice + (only ?? 0)] = new ChoiceProgress(stage, stage == ChoiceStage.None ? 0 : random.Next(1 << random.Next(31)));
        }

        return cursor;
    }
}
