using System.Diagnostics;
using System.Globalization;

namespace OrleansLLM.Cli.Chaos;

/// <summary>What processes and clients said, in milliseconds since the start, a line each. Any thread may write.</summary>
internal sealed class Timeline(string path) : IDisposable
{
    private readonly StreamWriter _file = new(path);
    private readonly long _start = Stopwatch.GetTimestamp();

    public string Path => path;

    public TimeSpan Elapsed => Stopwatch.GetElapsedTime(_start);

    public void Write(string who, string what)
    {
        lock (_file)
        {
            _file.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{Elapsed.TotalMilliseconds,9:F0} {who}: {what}"));
            _file.Flush();
        }
    }

    public void Dispose()
    {
        lock (_file)
        {
            _file.Dispose();
        }
    }
}
