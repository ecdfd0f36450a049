using System.Globalization;

namespace OrleansLLM.Files.Tests;

/// <summary>A folder's files are judged by where they really lie, however one came there.</summary>
public sealed class FolderLinksTests : IDisposable
{
    private readonly TemporaryFolder _root = new();

    public void Dispose() => _root.Dispose();

    [Fact]
    public void A_folder_may_be_reached_through_links_to_it_or_to_its_parents()
    {
        var model = _root.MakeModel("disk/models/atlas");
        _root.Link("short", model);
        _root.Link("relative", "disk/models/atlas");
        _root.Link("second", "short");
        _root.Link("models", "disk/models");
        _root.Link("up/here", "../disk/../disk/./models/atlas/");

        string[] ways = [model, model + "/", "short", "short/", "short//", "relative", "second", "models/atlas", "models/atlas/", "up/here", "models/../short"];
        Assert.All(ways, way => Assert.Equal("disk/models/atlas", Folders.NameIn(Path.Combine(_root.Path, way))));
    }

    [Fact]
    public void A_link_to_another_file_of_the_folder_or_of_folders_in_it_is_one_of_its_own()
    {
        var model = _root.Make("model");
        _root.Make("model/..2026_11_29");
        File.WriteAllText(Path.Combine(model, "..2026_11_29", "config.json"), """{"name":"mounted"}""");
        _root.Link("model/..data", "..2026_11_29");
        _root.Link("model/config.json", "..data/config.json");
        _root.Link("short", "model");

        Assert.Equal("mounted", Folders.NameIn(model));
        Assert.Equal("mounted", Folders.NameIn(model + "/"));
        Assert.Equal("mounted", Folders.NameIn(Path.Combine(_root.Path, "short")));
    }

    [Fact]
    public void A_volume_may_be_updated_while_it_is_used()
    {
        var model = _root.Make("model");
        foreach (var version in new[] { "..1", "..2" })
        {
            File.WriteAllText(Path.Combine(_root.Make($"model/{version}"), "config.json"), $$"""{"name":"{{version}}"}""");
        }

        _root.Link("model/..data", "..1");
        _root.Link("model/config.json", "..data/config.json");
        var files = new FolderFiles(model);
        files.ReadJson("config.json").Dispose();
        File.Delete(Path.Combine(model, "..data"));
        _root.Link("model/..data", "..2");

        using var document = files.ReadJson("config.json");
        Assert.Equal("..2", document.RootElement.GetProperty("name").GetString());
    }

    [Theory]
    [InlineData("hub/models--me--atlas/snapshots/abc")]
    [InlineData("short")]
    [InlineData("snapshots-of-it/abc")]
    [InlineData("cache/models--me--atlas/snapshots/abc/")]
    [InlineData("cache/models--me--atlas/snapshots/main")]
    public void A_snapshot_of_the_hubs_cache_may_link_to_its_blobs(string way)
    {
        MakeSnapshot("hub/models--me--atlas");
        _root.Link("short", "hub/models--me--atlas/snapshots/abc");
        _root.Link("snapshots-of-it", Path.Combine(_root.Path, "hub/models--me--atlas/snapshots"));
        _root.Link("cache", "hub");
        _root.Link("hub/models--me--atlas/snapshots/main", "abc");

        Assert.Equal("blob", Folders.NameIn(Path.Combine(_root.Path, way)));
    }

    [Theory]
    [InlineData("text_encoder")]
    [InlineData("original/4bit/of-it")]
    public void So_may_a_folder_in_a_snapshot_at_any_depth(string folder)
    {
        MakeSnapshot("hub/models--me--atlas");
        var up = string.Concat(Enumerable.Repeat("../", 2 + folder.Split('/').Length));
        var path = _root.Make($"hub/models--me--atlas/snapshots/abc/{folder}");
        _root.Link($"hub/models--me--atlas/snapshots/abc/{folder}/config.json", up + "blobs/b1");
        _root.Link("short", path);

        Assert.Equal("blob", Folders.NameIn(path));
        Assert.Equal("blob", Folders.NameIn(Path.Combine(_root.Path, "short")));
    }

    [Theory]
    [InlineData("../../../secret.json")]
    [InlineData("../../../../secret.json")]
    [InlineData("../../../../other/blobs/b2")]
    [InlineData("../../../blobs/../secret.json")]
    [InlineData("../../../blobs-of-others/b2")]
    [InlineData("../plain.json")]
    public void What_leads_out_of_a_folder_in_a_snapshot_and_not_to_its_blobs_is_refused(string target)
    {
        MakeSnapshot("hub/me");
        foreach (var file in new[] { "hub/secret.json", "hub/me/secret.json", "hub/me/snapshots/abc/plain.json", "hub/other/blobs/b2", "hub/me/blobs-of-others/b2" })
        {
            _root.Make(Path.GetDirectoryName(file)!);
            File.WriteAllText(Path.Combine(_root.Path, file), "{}");
        }

        _root.Link("hub/me/snapshots/abc/sub/config.json", target);
        Assert.Contains("leads out of the model's folder", Refusal(Path.Combine(_root.Path, "hub/me/snapshots/abc/sub")), StringComparison.Ordinal);
    }

    [Fact]
    public void Of_several_folders_called_snapshots_the_nearest_is_the_caches()
    {
        MakeSnapshot("snapshots/hub/models--me--atlas");
        _root.Make("blobs");
        File.WriteAllText(Path.Combine(_root.Path, "blobs", "b2"), "{}");
        var sub = _root.Make("snapshots/hub/models--me--atlas/snapshots/abc/sub");
        _root.Link("snapshots/hub/models--me--atlas/snapshots/abc/sub/config.json", "../../../blobs/b1");
        Assert.Equal("blob", Folders.NameIn(sub));

        File.Delete(Path.Combine(sub, "config.json"));
        _root.Link("snapshots/hub/models--me--atlas/snapshots/abc/sub/config.json", Path.Combine(_root.Path, "blobs", "b2"));
        Assert.Contains("leads out", Refusal(sub), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(40)]
    [InlineData(64)]
    public void An_older_download_may_link_to_the_blobs_that_it_names_by_their_hashes(int length)
    {
        var hash = new string('a', length);
        var blobs = _root.Make("cache/hub/models--me--atlas/blobs");
        File.WriteAllText(Path.Combine(blobs, hash), """{"name":"old"}""");
        _root.Link("relative/config.json", $"../cache/hub/models--me--atlas/blobs/{hash}");
        _root.Link("absolute/config.json", Path.Combine(blobs, hash));

        Assert.Equal("old", Folders.NameIn(Path.Combine(_root.Path, "relative")));
        Assert.Equal("old", Folders.NameIn(Path.Combine(_root.Path, "absolute")));
    }

    /// <summary>Who does not write the hash may not know what it holds; and what is no blob at its real place is none.</summary>
    [Theory]
    [InlineData("../cache/models--me--atlas/snapshots/main/config.json")]
    [InlineData("../cache/models--me--atlas/blobs/secret.json")]
    [InlineData("../cache/datasets--me--atlas/blobs/{0}")]
    [InlineData("../cache/models--me--atlas/{0}")]
    [InlineData("../cache/models--me--atlas/blobs/{1}")]
    [InlineData("models--me--fake/blobs/{0}")]
    public void Other_links_into_a_cache_are_refused(string target)
    {
        var (hash, leading) = (new string('a', 64), new string('b', 64));
        foreach (var folder in new[] { "cache/models--me--atlas/blobs", "cache/datasets--me--atlas/blobs", "cache/models--me--atlas" })
        {
            File.WriteAllText(Path.Combine(_root.Make(folder), hash), "{}");
        }

        File.WriteAllText(Path.Combine(_root.Path, "cache/models--me--atlas/blobs/secret.json"), "{}");
        _root.Link($"cache/models--me--atlas/blobs/{leading}", "secret.json");
        _root.Link("cache/models--me--atlas/snapshots/main/config.json", $"../../blobs/{hash}");
        _root.Link($"model/models--me--fake/blobs/{hash}", "../../../cache/models--me--atlas/blobs/secret.json");
        _root.Link("model/config.json", string.Format(CultureInfo.InvariantCulture, target, hash, leading));

        Assert.Contains("leads out of the model's folder", Refusal(Path.Combine(_root.Path, "model")), StringComparison.Ordinal);
    }

    [Fact]
    public void The_blobs_of_a_hubs_cache_may_lie_on_another_disk()
    {
        MakeSnapshot("hub/models--me--atlas");
        Directory.Move(Path.Combine(_root.Path, "hub/models--me--atlas/blobs"), Path.Combine(_root.Path, "disk"));
        _root.Link("hub/models--me--atlas/blobs", "../../disk");

        Assert.Equal("blob", Folders.NameIn(Path.Combine(_root.Path, "hub/models--me--atlas/snapshots/abc")));
    }

    [Theory]
    [InlineData("../secret.json")]
    [InlineData("../model-private/config.json")]
    [InlineData("sub/../../secret.json")]
    [InlineData("out/secret.json")]
    [InlineData("first")]
    [InlineData("..")]
    public void A_link_that_leads_out_of_the_folder_is_refused(string target)
    {
        var model = _root.Make("model");
        _root.Make("model/sub");
        _root.MakeModel("model-private");
        File.WriteAllText(Path.Combine(_root.Path, "secret.json"), "{}");
        _root.Link("model/out", "..");
        _root.Link("model/first", "../secret.json");
        _root.Link("model/config.json", target);

        Assert.Contains("leads out of the model's folder", Refusal(model), StringComparison.Ordinal);
        _root.Link("short", model);
        Assert.Contains("leads out of the model's folder", Refusal(Path.Combine(_root.Path, "short")), StringComparison.Ordinal);
    }

    [Fact]
    public void Blobs_count_beside_snapshots_only()
    {
        MakeSnapshot("hub/models--me--atlas");
        Directory.Move(Path.Combine(_root.Path, "hub/models--me--atlas/snapshots"), Path.Combine(_root.Path, "hub/models--me--atlas/copies"));

        Assert.Contains("leads out", Refusal(Path.Combine(_root.Path, "hub/models--me--atlas/copies/abc")), StringComparison.Ordinal);
    }

    [Fact]
    public void A_link_that_leads_nowhere_is_told_with_where_it_leads()
    {
        MakeSnapshot("hub/models--me--atlas");
        File.Delete(Path.Combine(_root.Path, "hub/models--me--atlas/blobs/b1"));
        var snapshot = Path.Combine(_root.Path, "hub/models--me--atlas/snapshots/abc");

        Assert.True(new FolderFiles(snapshot).Contains("config.json"));
        Assert.Equal(
            $"{snapshot}/config.json: it is a link to ../../blobs/b1, which is not there; put the file there, or copy the model with what its links lead to",
            Refusal(snapshot));
    }

    [Fact]
    public void Links_in_a_circle_are_told()
    {
        var model = _root.Make("model");
        _root.Link("model/config.json", "other.json");
        _root.Link("model/other.json", "config.json");
        Assert.Contains("in a circle", Refusal(model), StringComparison.Ordinal);

        _root.Link("around/a", "b");
        _root.Link("around/b", "a");
        Assert.Contains("in a circle", Refusal(Path.Combine(_root.Path, "around/a")), StringComparison.Ordinal);
    }

    [Fact]
    public void What_may_not_be_read_is_told()
    {
        var model = _root.Make("model");
        _root.Make("model/config.json");
        Assert.StartsWith($"{model}/config.json: can't be read (", Refusal(model), StringComparison.Ordinal);
        Assert.StartsWith(
            $"{model}/gone: can't be read (",
            Assert.Throws<FileFormatException>(() => new FolderFiles(Path.Combine(model, "gone")).NamesEndingIn(".x")).Message,
            StringComparison.Ordinal);
    }

    private static string Refusal(string folder) => Assert.Throws<FileFormatException>(() => Folders.NameIn(folder)).Message;

    private void MakeSnapshot(string repository)
    {
        File.WriteAllText(Path.Combine(_root.Make($"{repository}/blobs"), "b1"), """{"name":"blob"}""");
        _root.Make($"{repository}/snapshots");
        _root.Link($"{repository}/snapshots/abc/config.json", "../../blobs/b1");
    }
}
