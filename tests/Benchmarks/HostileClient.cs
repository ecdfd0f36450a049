using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;

namespace OrleansLLM.Benchmarks;

/// <summary>
/// A server in a process of its own, under a client that goes to the end of every limit from many connections at once, while others ask
/// for short answers. Prints what the server held of memory at most, how its requests ended, and how the others fared. Linux only.
/// </summary>
internal static class HostileClient
{
    private const int LargestBody = 16 << 20;
    private const int Connections = 48;
    private const int Others = 4;

    private static readonly (string Name, string Path, Func<Stream, Task> Write)[] Requests =
    [
        ("16 MB of ids", "/v1/completions", body => RepeatAsync(body, "{\"prompt\":[1", ",1", "]}")),
        ("512 prompts of ids", "/v1/completions", body => WriteAsync(
            body, $$"""{"prompt":[{{Joined(512, Ids(2000))}}],"max_tokens":40,"prompt_logprobs":20,"logprobs":20}""")),
        ("16 MB of text", "/v1/completions", body => RepeatAsync(body, "{\"prompt\":\"", "words ", "\"}")),
        ("16 MB of brackets", "/v1/completions", body => RepeatAsync(body, "{\"prompt\":\"a\",\"x\":[[]", ",[]", "]}")),
        ("a 16 MB message", "/v1/chat/completions", body => RepeatAsync(body, "{\"messages\":[{\"role\":\"user\",\"content\":\"", "words ", "\"}]}")),
        ("4096 messages", "/v1/chat/completions", body => WriteAsync(
            body, $$"""{"messages":[{{Joined(4096, "{\"role\":\"user\",\"content\":\"" + new string('x', 200) + "\"}")}}],"n":128}""")),
        ("512 answers with log probabilities", "/v1/completions", body => WriteAsync(
            body, $$"""{"prompt":[{{Joined(4, Ids(100))}}],"n":128,"logprobs":20,"max_tokens":1900,"ignore_eos":true}""")),
        ("512 answers with penalties and stop strings", "/v1/completions", body => WriteAsync(
            body,
            $$"""{"prompt":[{{Joined(4, Ids(1500))}}],"n":128,"max_tokens":500,"stop":[{{Joined(64, $"\"{new string('q', 1024)}\"")}}],"presence_penalty":1,"min_tokens":500,"stream":true}""")),
        ("a million ids", "/detokenize", body => WriteAsync(body, $$"""{"tokens":{{Ids(1 << 20)}}}""")),
        ("a million allowed ids", "/v1/completions", body => WriteAsync(body, $$"""{"prompt":"a","n":128,"allowed_token_ids":{{Ids(1 << 20)}}}""")),
        ("a million characters", "/tokenize", body => WriteAsync(body, $$"""{"prompt":"{{new string('a', 1 << 20)}}","return_token_strs":true}""")),
        ("1024 more waiting", "/v1/completions", body => WriteAsync(body, $$"""{"prompt":[{{Joined(512, Ids(20))}}],"max_tokens":2000,"stream":true}""")),
    ];

    public static async Task RunAsync(string[] arguments)
    {
        var seconds = arguments.Length > 1 ? double.Parse(arguments[1], CultureInfo.InvariantCulture) : 60;
        var requests = Requests.Where(request => arguments.Length < 3 || request.Name.Contains(arguments[2], StringComparison.Ordinal)).ToArray();
        using var server = Start(arguments[0]);
        var address = await FindAddressAsync(server);
        using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(seconds));
        var tally = new Tally();
        using var http = new HttpClient(new SocketsHttpHandler { ResponseDrainTimeout = TimeSpan.Zero }) { BaseAddress = address, Timeout = TimeSpan.FromSeconds(90) };
        var before = Resident(server, "VmRSS");
        await Task.WhenAll(
            Enumerable.Range(0, Connections).Select(index => AttackAsync(http, requests, index, tally, stop.Token))
                .Concat(Enumerable.Range(0, 8).Select(_ => HoldAsync(address, stop.Token)))
                .Concat(Enumerable.Range(0, Others).Select(index => AskAsync(http, index, tally, stop.Token))));
        Console.WriteLine(tally.ToString());
        Console.WriteLine(FormattableString.Invariant(
            $"resident memory: {before} MB before, {Resident(server, "VmRSS")} MB behind, {Resident(server, "VmHWM")} MB at most"));
        server.Kill();
    }

    private static Process Start(string model)
    {
        var program = Path.Combine(AppContext.BaseDirectory, "orleansllm");
        var start = new ProcessStartInfo(program, ["serve", model, "--port", "0"]) { RedirectStandardOutput = true };
        return Process.Start(start)!;
    }

    private static async Task<Uri> FindAddressAsync(Process server)
    {
        Uri? address = null;
        while (await server.StandardOutput.ReadLineAsync() is { } line)
        {
            var at = line.IndexOf("http://127.0.0.1:", StringComparison.Ordinal);
            address ??= at < 0 ? null : new Uri(line[at..].Split(' ')[0]);
            if (line.Contains("Serving ", StringComparison.Ordinal))
            {
                _ = server.StandardOutput.BaseStream.CopyToAsync(Stream.Null);
                return address!;
            }
        }

        throw new InvalidOperationException("The server ended before it served.");
    }

    private static async Task AttackAsync(
        HttpClient http, (string Name, string Path, Func<Stream, Task> Write)[] requests, int index, Tally tally, CancellationToken stop)
    {
        for (var round = index; !stop.IsCancellationRequested; round++)
        {
            var (name, path, write) = requests[round % requests.Length];
            await SendAsync(http, path, new WrittenContent(write), name, tally, stop);
        }
    }

    /// <summary>A body whose last bytes never come.</summary>
    private static async Task HoldAsync(Uri address, CancellationToken stop)
    {
        try
        {
            using var client = new TcpClient();
            await client.ConnectAsync(address.Host, address.Port, stop);
            var head = $"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {LargestBody}\r\n\r\n";
            await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(head), stop);
            await client.GetStream().WriteAsync(new byte[LargestBody - 1], stop);
            await Task.Delay(Timeout.Infinite, stop);
        }
        catch (Exception error) when (error is IOException or OperationCanceledException)
        {
        }
    }

    private static async Task AskAsync(HttpClient http, int index, Tally tally, CancellationToken stop)
    {
        var (name, path, body) = index % 2 == 0
            ? ("others: a short answer", "/v1/completions", """{"prompt":"The capital of France","max_tokens":8}""")
            : ("others: tokens of a text", "/tokenize", """{"prompt":"The capital of France"}""");
        while (!stop.IsCancellationRequested)
        {
            await SendAsync(http, path, new WrittenContent(stream => WriteAsync(stream, body)), name, tally, stop);
            await Task.Delay(200, CancellationToken.None);
        }
    }

    private static async Task SendAsync(HttpClient http, string path, HttpContent content, string name, Tally tally, CancellationToken stop)
    {
        var started = Stopwatch.GetTimestamp();
        var result = "no answer";
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = content };
            using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, stop);
            result = ((int)response.StatusCode).ToString(CultureInfo.InvariantCulture);
            await response.Content.CopyToAsync(Stream.Null, stop);
        }
        catch (Exception error) when (error is HttpRequestException or IOException or OperationCanceledException)
        {
            result += stop.IsCancellationRequested ? " when time was over" : "";
        }

        tally.Add(name, result, Stopwatch.GetElapsedTime(started));
    }

    private static long Resident(Process server, string field) => long.Parse(
        File.ReadLines($"/proc/{server.Id}/status").First(line => line.StartsWith(field, StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2],
        CultureInfo.InvariantCulture) / 1024;

    private static string Ids(int count) => $"[{Joined(count, "17")}]";

    private static string Joined(int count, string item) => string.Join(',', Enumerable.Repeat(item, count));

    private static Task WriteAsync(Stream body, string text) => body.WriteAsync(Encoding.UTF8.GetBytes(text)).AsTask();

    private static async Task RepeatAsync(Stream body, string start, string repeated, string end)
    {
        var piece = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat(repeated, 10_000)));
        await WriteAsync(body, start);
        for (var left = LargestBody - start.Length - end.Length; left >= piece.Length; left -= piece.Length)
        {
            await body.WriteAsync(piece);
        }

        await WriteAsync(body, end);
    }

    private sealed class WrittenContent : HttpContent
    {
        private readonly Func<Stream, Task> _write;

        public WrittenContent(Func<Stream, Task> write)
        {
            _write = write;
            Headers.ContentType = new MediaTypeHeaderValue("application/json");
        }

        protected override Task SerializeToStreamAsync(Stream stream, System.Net.TransportContext? context) => _write(stream);

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }

    private sealed class Tally
    {
        private readonly SortedDictionary<(string Name, string Result), List<double>> _times = [];

        public void Add(string name, string result, TimeSpan time)
        {
            lock (_times)
            {
                if (!_times.TryGetValue((name, result), out var times))
                {
                    _times.Add((name, result), times = []);
                }

                times.Add(time.TotalSeconds);
            }
        }

        public override string ToString() => string.Join('\n', _times.Select(pair => string.Create(
            CultureInfo.InvariantCulture,
            $"{pair.Key.Name,-45} {pair.Key.Result,-28} {pair.Value.Count,6} times, {Load.Median(pair.Value):F2} s in the middle, {pair.Value.Max():F2} s at most")));
    }
}
