namespace OrleansLLM.Files;

/// <summary>
/// A file that can't be read as what it should be. The message names the file, says what is wrong and, where something would
/// help, what.
/// </summary>
public class FileFormatException : Exception
{
    public FileFormatException(string path, string problem, Exception? inner = null)
        : base($"{path}: {problem}", inner)
    {
        Path = path;
        Problem = problem;
    }

    public string Path { get; }

    /// <summary>What is wrong, without the path.</summary>
    public string Problem { get; }
}
