using Xunit;

namespace OrleansLLM.Testing;

/// <summary>
/// A text of the source tree that the code must still produce: bytes of messages, names on the wire, the public API.
/// <c>./test --accept</c> sets ORLEANSLLM_ACCEPT=1: a text that differs is then rewritten, and its test fails so that the diff is looked at.
/// </summary>
public static class AcceptedFile
{
    private const string Variable = "ORLEANSLLM_ACCEPT";
    private const string Renewal = $"run ./test --accept (or its test with {Variable}=1), look at the file's diff and commit it";
    private const int ShownLines = 20;

    /// <summary>Fails with the lines that differ, unless <paramref name="produced"/> is what stands in the file.</summary>
    /// <param name="path">From the folder of OrleansLLM.sln, with forward slashes.</param>
    /// <param name="produced">Lines that end in \n.</param>
    public static void Equal(string path, string produced)
    {
        var accepted = File.Exists(Full(path)) ? Read(path) : "";
        if (produced == accepted)
        {
            return;
        }

        if (Environment.GetEnvironmentVariable(Variable) == "1")
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Full(path))!);
            File.WriteAllText(Full(path), produced);
            Assert.Fail($"Accepted, look at the diff: {path} was rewritten.");
        }

        Assert.Fail(
            $"""
            The code no longer produces {path}:
            {Difference(accepted.Split('\n'), produced.Split('\n'))}
            If that is meant, {Renewal}.
            """);
    }

    /// <summary>What stands in the file, its lines ending in \n.</summary>
    public static string Read(string path)
    {
        Assert.True(File.Exists(Full(path)), $"{path} is missing: {Renewal}.");
        return File.ReadAllText(Full(path)).ReplaceLineEndings("\n");
    }

    private static string Full(string path) => Path.Combine(ReferenceData.Repository, path);

    /// <summary>Lines that only one side has; none where the same ones stand in another order.</summary>
    private static string Difference(string[] accepted, string[] produced) =>
        string.Join('\n', Shown("- ", accepted.Except(produced)).Concat(Shown("+ ", produced.Except(accepted))));

    private static IEnumerable<string> Shown(string mark, IEnumerable<string> lines) =>
        lines.Take(ShownLines).Select(line => mark + line).Concat(lines.Skip(ShownLines).Any() ? [$"{mark}…"] : []);
}
