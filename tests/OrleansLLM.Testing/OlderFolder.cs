namespace OrleansLLM.Testing;

/// <summary>A copy of a folder in which config.v4.json is the config.json.</summary>
public sealed class OlderFolder : IDisposable
{
    public OlderFolder(string folder)
    {
        foreach (var file in Directory.EnumerateFiles(folder))
        {
            File.Copy(file, System.IO.Path.Combine(Path, System.IO.Path.GetFileName(file)));
        }

        File.Move(System.IO.Path.Combine(Path, "config.v4.json"), System.IO.Path.Combine(Path, "config.json"), overwrite: true);
    }

    public string Path { get; } = Directory.CreateTempSubdirectory().FullName;

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
