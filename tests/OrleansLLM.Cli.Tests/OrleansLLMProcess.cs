using System.Diagnostics;
using System.Text;
using OrleansLLM.Testing;

namespace OrleansLLM.Cli.Tests;

/// <summary>The built program, started as its own process.</summary>
internal sealed class OrleansLLMProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly StringBuilder _output = new();
    private readonly StringBuilder _errors = new();
    private readonly Task _reading;

    private OrleansLLMProcess(Process process)
    {
        _process = process;
        _reading = Task.WhenAll(ReadAsync(process.StandardOutput, _output), ReadAsync(process.StandardError, _errors));
    }

    public int Id => _process.Id;

    public string Output => Text(_output);

    public string Errors => Text(_errors);

    public static OrleansLLMProcess Start(params string[] arguments) => Start(arguments, input: "");

    public static OrleansLLMProcess Start(string[] arguments, string input)
    {
        var file = Path.Combine(AppContext.BaseDirectory, OperatingSystem.IsWindows() ? "orleansllm.exe" : "orleansllm");
        var start = new ProcessStartInfo(file, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = ReferenceData.Repository,
        };
        start.Environment.Remove("OPENAI_API_KEY");
        start.Environment.Remove("ORLEANSLLM_API_KEY");
        var process = Process.Start(start)!;
        process.StandardInput.Write(input);
        process.StandardInput.Close();
        return new OrleansLLMProcess(process);
    }

    /// <summary>Waits for its end; the exit code, and everything it wrote.</summary>
    public async Task<(int Code, string Output, string Errors)> WaitAsync()
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(60));
        try
        {
            await _process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            throw new TimeoutException($"The program did not end within 60 s.\n{Output}\n{Errors}");
        }

        await _reading;
        return (_process.ExitCode, Output, Errors);
    }

    public static Task<(int Code, string Output, string Errors)> RunAsync(params string[] arguments) => RunAsync(arguments, input: "");

    public static async Task<(int Code, string Output, string Errors)> RunAsync(string[] arguments, string input)
    {
        await using var process = Start(arguments, input);
        return await process.WaitAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync();
        }

        await _reading;
        _process.Dispose();
    }

    private static async Task ReadAsync(StreamReader reader, StringBuilder to)
    {
        while (await reader.ReadLineAsync() is { } line)
        {
            lock (to)
            {
                to.Append(line).Append('\n');
            }
        }
    }

    private static string Text(StringBuilder builder)
    {
        lock (builder)
        {
            return builder.ToString();
        }
    }
}
