using System.Text;
using System.Text.Json;

namespace OrleansLLM.Files.Tests;

/// <summary>NaN and the infinities, which Python's json module writes and reads and JSON has not.</summary>
public class PythonJsonTests
{
    [Theory]
    [InlineData("""{"a":Infinity}""", """{"a":1e+0999999}""")]
    [InlineData("""{"a": -Infinity , "b":[NaN,1, NaN ,-Infinity]}""", """{"a": -1e+0999999 , "b":["\u004EaN",1, "\u004EaN" ,-1e+0999999]}""")]
    [InlineData("[NaN]", """["\u004EaN"]""")]
    [InlineData("""{"a":{"b":[{"c":NaN}]},"NaN":"Infinity, NaN","d":"\"NaN","e":NaN}""", """{"a":{"b":[{"c":"\u004EaN"}]},"NaN":"Infinity, NaN","d":"\"NaN","e":"\u004EaN"}""")]
    [InlineData("{\"a\":\r\n\tInfinity\r\n}", "{\"a\":\r\n\t1e+0999999\r\n}")]
    [InlineData("\uFEFF{\"a\":NaN}", """{"a":"\u004EaN"}""")]
    public void Words_of_values_are_read(string text, string meant) => Assert.Equal(meant, Parse(text));

    [Fact]
    public void An_infinity_is_a_number()
    {
        var values = PythonJson.Parse(Encoding.UTF8.GetBytes("[Infinity,-Infinity]"), bytes => JsonDocument.Parse(bytes)).RootElement;
        Assert.Equal([double.PositiveInfinity, double.NegativeInfinity], values.EnumerateArray().Select(value => value.GetDouble()));
    }

    [Theory]
    [InlineData("[NaN,Infinity,-Infinity]")]
    [InlineData("""["NaN","Infinity",1e999,1e999999,-1e999]""")]
    [InlineData("""[{"NaN":[-Infinity,"a NaN"],"b":1e999},NaN]""")]
    public void A_value_is_shown_as_it_stands_in_the_text(string text)
    {
        using var document = PythonJson.Parse(Encoding.UTF8.GetBytes(text), bytes => JsonDocument.Parse(bytes));
        Assert.Equal(text, PythonJson.Show(document.RootElement));
    }

    [Fact]
    public void What_is_no_number_is_a_string()
    {
        using var document = PythonJson.Parse("[NaN]"u8.ToArray(), bytes => JsonDocument.Parse(bytes));
        Assert.Equal("NaN", document.RootElement[0].GetString());
    }

    [Theory]
    [InlineData("{NaN:1}")]
    [InlineData("{NaN :1}")]
    [InlineData("{\"a\":1,NaN:2}")]
    [InlineData("{\"a\":1,NaN}")]
    [InlineData("{NaN}")]
    [InlineData("[1 NaN]")]
    [InlineData("[NaN 1]")]
    [InlineData("[NaN NaN]")]
    [InlineData("[-NaN]")]
    [InlineData("[+Infinity]")]
    [InlineData("[- Infinity]")]
    [InlineData("[--Infinity]")]
    [InlineData("[nan]")]
    [InlineData("[NAN]")]
    [InlineData("[inf]")]
    [InlineData("[Inf]")]
    [InlineData("[infinity]")]
    [InlineData("[Infinity1]")]
    [InlineData("[NaNNaN]")]
    [InlineData("[NaN.0]")]
    [InlineData("[NaN\"\"]")]
    [InlineData("[NaN,]")]
    [InlineData("[,NaN]")]
    [InlineData("{\"a\":NaN,}")]
    [InlineData("{\"a\":NaN")]
    [InlineData("[NaN]]")]
    [InlineData("[\"NaN]")]
    [InlineData("[NaN, undefined]")]
    [InlineData("[NaN, 'a']")]
    [InlineData("[NaN] // comment")]
    [InlineData("")]
    public void What_python_refuses_is_refused(string text) => Assert.ThrowsAny<JsonException>(() => Parse(text));

    [Theory]
    [InlineData("{\"a\":NaN,\"b\":NaN,\"c\":oops,\"d\":NaN}", 0, 21)]
    [InlineData("{\"a\":NaN,\n\"b\":Infinity, \"c\":NaN, oops}", 1, 23)]
    [InlineData("{\"a\":1,\n\"b\":oops}", 1, 4)]
    public void A_fault_is_told_with_its_place_in_the_text_as_it_is(string text, long line, long place)
    {
        var error = Assert.ThrowsAny<JsonException>(() => Parse(text));
        Assert.Equal((line, place), (error.LineNumber, error.BytePositionInLine));
        Assert.EndsWith($"LineNumber: {line} | BytePositionInLine: {place}.", error.Message, StringComparison.Ordinal);
    }

    /// <summary>The words are values, as numbers are: with a number in their place, the text is JSON or not.</summary>
    [Fact]
    public void Any_order_of_tokens_is_read_where_it_would_be_with_numbers()
    {
        string[] tokens = ["{", "}", "[", "]", ",", ":", "\"a\"", "\"NaN\"", "NaN", "Infinity", "-Infinity", "null"];
        var random = new Random(5);
        var read = 0;
        for (var round = 0; round < 20_000; round++)
        {
            var picked = Enumerable.Range(0, random.Next(1, 8)).Select(_ => tokens[random.Next(tokens.Length)]).ToList();
            var (open, close) = random.Next(2) == 0 ? ("[", "]") : ("{ \"k\" :", "}");
            var isSound = IsSound(string.Join(' ', [open, .. picked.Select(token => token is "NaN" or "Infinity" or "-Infinity" ? "7" : token), close]));
            Assert.Equal(isSound, IsSound(string.Join(random.Next(2) == 0 ? " " : "", [open, .. picked, close])));
            read += isSound ? 1 : 0;
        }

        Assert.InRange(read, 200, 19_000);
    }

    private static bool IsSound(string text)
    {
        try
        {
            return Parse(text).Length > 0;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static string Parse(string text) => PythonJson.Parse(Encoding.UTF8.GetBytes(text), bytes =>
    {
        JsonDocument.Parse(bytes).Dispose();
        return Encoding.UTF8.GetString(bytes.Span);
    });
}
