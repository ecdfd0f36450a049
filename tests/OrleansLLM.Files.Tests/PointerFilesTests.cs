using System.Text;

namespace OrleansLLM.Files.Tests;

/// <summary>What stands in a clone for a large file that nobody fetched.</summary>
public class PointerFilesTests
{
    [Theory]
    [InlineData("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 6302472\n", "Git LFS", "git lfs pull")]
    [InlineData("version https://hawser.github.com/spec/v1\noid sha256:00\nsize 6302472\n", "Git LFS", "git lfs pull")]
    [InlineData("# xet version 0\nfilesize = 6302472\nhash = '00'\n", "Git Xet", "git xet checkout")]
    public void A_pointer_is_called_by_its_name_whatever_file_it_stands_for(string text, string name, string command)
    {
        using var root = new TemporaryFolder();
        var bytes = Encoding.UTF8.GetBytes(text);
        string[] names = ["config.json", "tokenizer.json", "chat_template.jinja", "model.safetensors", "model.safetensors.index.json", "model.gguf"];
        Assert.All(names, file =>
        {
            var path = root.Write(file, bytes);
            var error = Assert.Throws<FileFormatException>(() => Read(root.Path, file));
            Assert.Equal($"{path}: is a {name} pointer, not the file itself: fetch the file, with \"{command}\" in the clone's folder, or download it again", error.Message);
            File.Delete(path);
        });
    }

    private static void Read(string folder, string file)
    {
        switch (Path.GetExtension(file))
        {
            case ".safetensors":
                SafetensorsFolder.Open(new FolderFiles(folder)).Dispose();
                break;
            case ".gguf":
                GgufFile.Open(Path.Combine(folder, file)).Dispose();
                break;
            default:
                _ = new FolderFiles(folder).ReadBytes(file);
                break;
        }
    }
}
