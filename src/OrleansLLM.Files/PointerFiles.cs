namespace OrleansLLM.Files;

/// <summary>Small texts that stand for a file whose bytes lie elsewhere: what a clone holds where nobody fetched its large files.</summary>
internal static class PointerFiles
{
    private static readonly (byte[] Start, string Name, string Command)[] Kinds =
    [
        ("version https://git-lfs.github.com/spec/"u8.ToArray(), "Git LFS", "git lfs pull"),
        ("version https://hawser.github.com/spec/"u8.ToArray(), "Git LFS", "git lfs pull"),
        ("# xet version"u8.ToArray(), "Git Xet", "git xet checkout"),
    ];

    /// <exception cref="FileFormatException">The file is a pointer; the message says how to fetch what it stands for.</exception>
    public static void Refuse(string path, ReadOnlySpan<byte> bytes)
    {
        foreach (var (start, name, command) in Kinds)
        {
            if (bytes.StartsWith(start))
            {
                throw new FileFormatException(
                    path, $"is a {name} pointer, not the file itself: fetch the file, with \"{command}\" in the clone's folder, or download it again");
            }
        }
    }
}
