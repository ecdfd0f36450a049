using System.Text;

namespace OrleansLLM.Files.Tests;

public class FolderFilesTests
{
    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{\"a\":\"\\ud800\"}")]
    [InlineData("{\"a\":1")]
    [InlineData("{\"a\":\"\u00ff")]
    public void What_is_no_json_object_is_refused(string text)
    {
        using var folder = new TemporaryFolder();
        folder.Write("config.json", Encoding.Latin1.GetBytes(text));
        Assert.Throws<FileFormatException>(() => new FolderFiles(folder.Path).ReadJson("config.json").Dispose());
    }

    [Fact]
    public void Deep_nesting_is_refused_before_it_can_overflow()
    {
        using var folder = new TemporaryFolder();
        folder.Write("config.json", Encoding.UTF8.GetBytes($"{{\"a\":{new string('[', 100_000)}"));
        Assert.Throws<FileFormatException>(() => new FolderFiles(folder.Path).ReadJson("config.json").Dispose());
    }
}
