namespace OrleansLLM.Text.Tests;

public sealed class StopStringsTests
{
    [Theory]
    [InlineData(StopStringText.Excluded)]
    [InlineData(StopStringText.Included)]
    public void Any_cutting_into_pieces_gives_what_a_search_of_the_whole_text_gives(StopStringText mode)
    {
        var random = new Random(5);
        for (var round = 0; round < 20_000; round++)
        {
            var stops = Enumerable.Range(0, random.Next(1, 4)).Select(_ => RandomText(random, random.Next(1, 5))).ToArray();
            var text = RandomText(random, random.Next(0, 24));
            var begun = random.Next(2) * random.Next(text.Length + 1);
            var expected = Search(text, begun, stops, mode);

            var matcher = new StopStrings(stops, mode);
            var shown = "";
            for (var at = 0; at < begun;)
            {
                var length = Math.Min(random.Next(0, 5), begun - at);
                shown += matcher.Begin(text.Substring(at, length));
                at += length;
                Assert.StartsWith(shown, expected.Shown, StringComparison.Ordinal);
            }

            StopStringMatch? match = null;
            var ends = new List<int>();
            for (var at = begun; at < text.Length && match is null;)
            {
                var length = Math.Min(random.Next(0, 5), text.Length - at);
                var result = matcher.Add(text.Substring(at, length), ends.Count);
                at += length;
                ends.Add(at);
                shown += result.Text;
                match = result.Match;
                Assert.StartsWith(shown, expected.Shown, StringComparison.Ordinal);
            }

            if (match is null)
            {
                shown += matcher.Finish();
            }

            Assert.Equal(expected.Shown, shown);
            Assert.Equal(expected.Stop, match?.StopString);
            if (match is not null)
            {
                Assert.Equal(ends.FindIndex(end => end >= expected.End), match.Position);
                Assert.Equal("", matcher.Add("more", 99).Text);
            }
        }
    }

    [Fact]
    public void Text_that_may_become_a_stop_string_waits_and_is_shown_when_it_does_not()
    {
        var matcher = new StopStrings(["</s>"], StopStringText.Excluded);
        Assert.Equal("a", matcher.Add("a<", 0).Text);
        Assert.Equal("", matcher.Add("/", 1).Text);
        Assert.Equal("</x", matcher.Add("x", 2).Text);
        Assert.Equal("", matcher.Add("<", 3).Text);
        Assert.Equal("<", matcher.Finish());
    }

    [Fact]
    public void Of_matches_that_end_together_the_longest_wins()
    {
        var result = new StopStrings(["b", "ab"], StopStringText.Excluded).Add("xab", 7);
        Assert.Equal(new StopStringResult("x", new StopStringMatch("ab", 7)), result);
    }

    [Fact]
    public void Nothing_waits_where_the_stop_string_is_shown_anyway()
    {
        var matcher = new StopStrings(["</s>"], StopStringText.Included);
        Assert.Equal("a</", matcher.Add("a</", 0).Text);
        Assert.Equal(new StopStringResult("s>", new StopStringMatch("</s>", 1)), matcher.Add("s>b", 1));
    }

    [Fact]
    public void Without_stop_strings_all_text_is_shown_at_once()
    {
        var matcher = new StopStrings([], StopStringText.Excluded);
        Assert.Equal("a", matcher.Begin("a"));
        Assert.Equal(new StopStringResult("</s>", null), matcher.Add("</s>", 0));
        Assert.Equal("", matcher.Finish());
    }

    [Fact]
    public void A_match_leaves_nothing_behind()
    {
        var matcher = new StopStrings(["</s>"], StopStringText.Excluded);
        Assert.Equal("a", matcher.Add("a<", 0).Text);
        Assert.NotNull(matcher.Add("/s><", 1).Match);
        Assert.Equal("", matcher.Finish());
    }

    [Fact]
    public void Text_that_waited_is_given_once()
    {
        var matcher = new StopStrings(["</s>"], StopStringText.Excluded);
        Assert.Equal("", matcher.Add("<", 0).Text);
        Assert.Equal("<", matcher.Finish());
        Assert.Equal("", matcher.Finish());
    }

    [Theory]
    [InlineData("")]
    [InlineData("a", "", "b")]
    public void An_empty_stop_string_is_refused(params string[] stops) =>
        Assert.Throws<ArgumentException>(nameof(stops), () => new StopStrings(stops, StopStringText.Excluded));

    [Fact]
    public void Null_is_refused_by_name()
    {
        Assert.Throws<ArgumentNullException>("stops", () => new StopStrings(null!, StopStringText.Excluded));
        var matcher = new StopStrings(["a"], StopStringText.Excluded);
        Assert.Throws<ArgumentNullException>("piece", () => matcher.Add(null!, 0));
        Assert.Throws<ArgumentNullException>("piece", () => matcher.Begin(null!));
    }

    private static string RandomText(Random random, int length) =>
        string.Concat(Enumerable.Range(0, length).Select(_ => "abé"[random.Next(3)]));

    private static (string Shown, string? Stop, int End) Search(string text, int begun, string[] stops, StopStringText mode)
    {
        for (var end = begun + 1; end <= text.Length; end++)
        {
            var found = stops.Where(stop => text[..end].EndsWith(stop, StringComparison.Ordinal)).MaxBy(stop => stop.Length);
            if (found is not null)
            {
                return (mode == StopStringText.Included ? text[..end] : text[..(end - found.Length)], found, end);
            }
        }

        return (text, null, -1);
    }

    [Fact]
    public void A_new_stream_of_the_same_strings_has_seen_nothing_and_shares_them()
    {
        var first = new StopStrings([new string('a', 1024)], StopStringText.Excluded);
        first.Add(new string('a', 1000), 0);
        var before = GC.GetAllocatedBytesForCurrentThread();
        var second = first.NewStream();
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 1, 256);
        Assert.Null(second.Add(new string('a', 24), 1).Match);
        Assert.NotNull(first.Add(new string('a', 24), 1).Match);
        Assert.NotNull(second.Add(new string('a', 1000), 2).Match);
    }
}
