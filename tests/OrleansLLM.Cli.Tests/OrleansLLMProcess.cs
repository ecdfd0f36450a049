using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;
using OrleansLLM.Testing;

namespace OrleansLLM.Cli.Tests;

/// <summary>The built program, started as its own process.</summary>
internal sealed partial class OrleansLLMProcess : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);

    private readonly Process _process;
    private readonly StringBuilder _output = new();
    private readonly StringBuilder _errors = new();
    private readonly Task _reading;
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

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
        var process = StartOpen(arguments);
        process._process.StandardInput.Write(input);
        process._process.StandardInput.Close();
        return process;
    }

    /// <summary>Its input stays open: a person may type on.</summary>
    public static OrleansLLMProcess StartOpen(params string[] arguments) => Start(new ProcessStartInfo(ProgramFile, arguments));

    /// <summary>By a shell that becomes it.</summary>
    /// <param name="script">Ends with <c>exec "$0" "$@"</c>, the program and its arguments.</param>
    public static OrleansLLMProcess StartInShell(string script, params string[] arguments) =>
        Start(new ProcessStartInfo("bash", ["-c", script, ProgramFile, .. arguments]));

    public static string ProgramFile => Path.Combine(AppContext.BaseDirectory, OperatingSystem.IsWindows() ? "orleansllm.exe" : "orleansllm");

    private static OrleansLLMProcess Start(ProcessStartInfo start)
    {
        (start.RedirectStandardInput, start.RedirectStandardOutput, start.RedirectStandardError) = (true, true, true);
        start.WorkingDirectory = ReferenceData.Repository;
        start.Environment.Remove("OPENAI_API_KEY");
        start.Environment.Remove("ORLEANSLLM_API_KEY");
        start.Environment.Remove("ORLEANSLLM_ADMIN_KEY");
        start.Environment.Remove("POD_IP");
        start.Environment.Remove("POD_NAME");
        return new OrleansLLMProcess(Process.Start(start)!);
    }

    public void Type(string line)
    {
        _process.StandardInput.WriteLine(line);
        _process.StandardInput.Flush();
    }

    /// <summary>Ctrl-C.</summary>
    public void Interrupt() => Assert.Equal(0, Kill(_process.Id, 2));

    /// <summary>Ctrl-C, again and again, until it has ended.</summary>
    public async Task<int> InterruptUntilEndAsync()
    {
        var limit = Stopwatch.StartNew();
        var end = _process.WaitForExitAsync(TestContext.Current.CancellationToken);
        while (!end.IsCompleted)
        {
            Assert.True(limit.Elapsed < Patience, "The program did not end in time.");
            _ = Kill(_process.Id, 2);
            await Task.WhenAny(end, Task.Delay(50, TestContext.Current.CancellationToken));
        }

        return _process.ExitCode;
    }

    /// <summary>Waits for its end; the exit code, and everything it wrote.</summary>
    public async Task<(int Code, string Output, string Errors)> WaitAsync()
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(Patience);
        try
        {
            await _process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            throw new TimeoutException($"The program did not end in time.\n{Output}\n{Errors}");
        }

        await _reading;
        return (_process.ExitCode, Output, Errors);
    }

    /// <summary>Waits for a line of its output or errors.</summary>
    public async Task<Match> WaitForAsync(Regex line)
    {
        var limit = Stopwatch.StartNew();
        while (limit.Elapsed < Patience)
        {
            var changed = _changed.Task;
            var match = line.Match(Output + Errors);
            if (match.Success)
            {
                return match;
            }

            if (_reading.IsCompleted)
            {
                break;
            }

            await Task.WhenAny(changed, _reading).WaitAsync(Patience, TestContext.Current.CancellationToken);
        }

        throw new TimeoutException($"The program never wrote {line}.\n{Output}\n{Errors}");
    }

    /// <summary>As a terminal does that is closed.</summary>
    public void HangUp() => Assert.Equal(0, Kill(_process.Id, 1));

    /// <summary>As an operator or a container's runtime does.</summary>
    public void Terminate() => Assert.Equal(0, Kill(_process.Id, 15));

    public void Signal(int signal) => Assert.Equal(0, Kill(_process.Id, signal));

    public static Task<(int Code, string Output, string Errors)> RunAsync(params string[] arguments) => RunAsync(arguments, input: "");

    /// <summary>As on a machine of another locale.</summary>
    public static async Task<(int Code, string Output, string Errors)> RunInAsync(string locale, params string[] arguments)
    {
        var start = new ProcessStartInfo(ProgramFile, arguments);
        start.Environment["LC_ALL"] = locale;
        await using var process = Start(start);
        return await process.WaitAsync();
    }

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

    private async Task ReadAsync(StreamReader reader, StringBuilder to)
    {
        while (await reader.ReadLineAsync() is { } line)
        {
            lock (to)
            {
                to.Append(line).Append('\n');
            }

            Interlocked.Exchange(ref _changed, new(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
        }
    }

    private static string Text(StringBuilder builder)
    {
        lock (builder)
        {
            return builder.ToString();
        }
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);
}
