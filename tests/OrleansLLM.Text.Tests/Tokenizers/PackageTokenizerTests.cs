using System.Buffers;
using Microsoft.ML.Tokenizers;

namespace OrleansLLM.Text.Tests.Tokenizers;

/// <summary>What .NET code sees that knows only Microsoft.ML.Tokenizers' type.</summary>
public sealed class PackageTokenizerTests
{
    private readonly Tokenizer _tokenizer = SmallTokenizers.ByteLevel();

    [Fact]
    public void Ids_and_counts_agree()
    {
        Assert.Equal([259, 260, 'o', 'r', 'l', 'd'], _tokenizer.EncodeToIds("hello world"));
        Assert.Equal(6, _tokenizer.CountTokens("hello world"));
        Assert.Equal(0, _tokenizer.CountTokens(string.Empty));
        Assert.Equal("hello world", _tokenizer.Decode(_tokenizer.EncodeToIds("hello world")));
    }

    [Fact]
    public void Tokens_carry_their_places_in_the_callers_text()
    {
        var tokens = _tokenizer.EncodeToTokens("hello \u00E9", out var normalized);
        Assert.Null(normalized);
        Assert.Equal([0..5, 5..6, 6..7, 6..7], tokens.Select(token => token.Offset));
        Assert.Equal("hello", tokens[0].Value);
    }

    [Fact]
    public void A_limit_cuts_behind_a_whole_character()
    {
        Assert.Equal([259], _tokenizer.EncodeToIds("hello\u00E9x", 2, out _, out var consumed));
        Assert.Equal(5, consumed);
        Assert.Equal(3, _tokenizer.EncodeToIds("hello\u00E9x", 3, out _, out consumed).Count);
        Assert.Equal(6, consumed);
        Assert.Equal(4, _tokenizer.EncodeToIds("hello\u00E9x", 100, out _, out consumed).Count);
        Assert.Equal(7, consumed);
    }

    [Fact]
    public void An_index_by_token_count_lies_on_a_character()
    {
        Assert.Equal(5, _tokenizer.GetIndexByTokenCount("hello\u00E9x", 2, out _, out var count));
        Assert.Equal(1, count);
        Assert.Equal(6, _tokenizer.GetIndexByTokenCountFromEnd("hello\u00E9x", 2, out _, out count));
        Assert.Equal(1, count);
        Assert.Equal(5, _tokenizer.GetIndexByTokenCountFromEnd("hello\u00E9x", 3, out _, out count));
        Assert.Equal(3, count);
    }

    [Fact]
    public void Decoding_into_a_buffer_stops_at_what_fits()
    {
        var ids = _tokenizer.EncodeToIds("hello world");
        var buffer = new char[7];
        Assert.Equal(OperationStatus.DestinationTooSmall, _tokenizer.Decode(ids, buffer, out var consumed, out var written));
        Assert.Equal("hello w", new string(buffer, 0, written));
        Assert.Equal(2, consumed);
        buffer = new char[11];
        Assert.Equal(OperationStatus.Done, _tokenizer.Decode(ids, buffer, out consumed, out written));
        Assert.Equal((6, "hello world"), (consumed, new string(buffer, 0, written)));
    }

    [Theory]
    [InlineData("hello world, hello\u00E9 \U0001F600\U0001F600 na\u00EFve <|s|>x\u4E2D\u6587")]
    [InlineData("\U0001F469\u200D\U0001F469")]
    [InlineData("a")]
    public void Every_limit_gives_a_beginning_or_an_end_of_the_whole_that_cuts_no_character(string text)
    {
        var ids = _tokenizer.EncodeToIds(text);
        var tokens = _tokenizer.EncodeToTokens(text, out _);
        Assert.Equal(ids, tokens.Select(token => token.Id));
        Assert.Equal(ids.Count, _tokenizer.CountTokens(text));
        Assert.Equal(ids, _tokenizer.EncodeToIds(text.AsSpan()));
        for (var limit = 1; limit <= ids.Count + 1; limit++)
        {
            var begun = _tokenizer.EncodeToIds(text, limit, out var normalized, out var consumed);
            Assert.Null(normalized);
            Assert.Equal(ids.Take(begun.Count), begun);
            Assert.InRange(begun.Count, Math.Min(limit, ids.Count) - 3, limit);
            Assert.Equal(begun, _tokenizer.EncodeToIds(text[..consumed]));
            Assert.Equal(consumed, _tokenizer.GetIndexByTokenCount(text, limit, out _, out var count));
            Assert.Equal(begun.Count, count);
            var from = _tokenizer.GetIndexByTokenCountFromEnd(text, limit, out _, out count);
            Assert.Equal(ids.TakeLast(count), _tokenizer.EncodeToIds(text[from..]));
            Assert.InRange(count, Math.Min(limit, ids.Count) - 3, limit);
        }
    }

    [Fact]
    public void A_buffer_of_any_size_takes_a_beginning_of_the_text_and_the_ids_behind_it_give_the_rest()
    {
        const string Text = "hello na\u00EFve \U0001F600 world";
        var ids = _tokenizer.EncodeToIds(Text);
        for (var size = 0; size <= Text.Length + 1; size++)
        {
            var buffer = new char[size];
            var status = _tokenizer.Decode(ids, buffer, out var consumed, out var written);
            Assert.Equal(size < Text.Length ? OperationStatus.DestinationTooSmall : OperationStatus.Done, status);
            Assert.Equal(Text, new string(buffer, 0, written) + _tokenizer.Decode(ids.Skip(consumed)));
        }
    }

    [Fact]
    public void Broken_bytes_decode_into_a_buffer_as_they_decode_alone()
    {
        int[] ids = [0xF0, 0x9F, 'a', 0x98, 0x80, 0xE4];
        var buffer = new char[20];
        Assert.Equal(OperationStatus.Done, _tokenizer.Decode(ids, buffer, out var consumed, out var written));
        Assert.Equal((ids.Length, _tokenizer.Decode(ids)), (consumed, new string(buffer, 0, written)));
    }
}
