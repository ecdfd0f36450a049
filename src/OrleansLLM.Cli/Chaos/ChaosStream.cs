using System.Diagnostics;
using System.Net;
using System.Text;
using System.Text.Json;

namespace OrleansLLM.Cli.Chaos;

/// <summary>
/// A client that wants the whole of its answer: it gives a connection up after 3 s without a byte and goes on at the next gateway, from the id of the last
/// event that it has, by the same POST or by GET.
/// </summary>
/// <param name="gateways">Where it may ask.</param>
/// <param name="number">Another one each time that a request is asked; decides at which gateway it begins, and even ones have an idempotency key.</param>
internal sealed class ChaosStream(HttpClient http, IReadOnlyList<ChaosSilo> gateways, ChaosRequest request, int number, Timeline timeline)
{
    private const string IdHeader = "Orleansllm-Id";

    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongPause = TimeSpan.FromSeconds(4);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(40);

    private readonly Random _random = new(number);
    private readonly string _name = FormattableString.Invariant($"client {number}");
    private int _at = number / 2;
    private long _lastEvent = Stopwatch.GetTimestamp();
    private string? _cursor;

    public ChaosAnswer Answer { get; } = new(request.Choices);

    /// <summary>Where it reads.</summary>
    public ChaosSilo Gateway => gateways[Volatile.Read(ref _at) % gateways.Count];

    /// <summary>Comes back with all of it, or with <see cref="ChaosAnswer.Failure"/>.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        for (var tries = 0; ; tries++)
        {
            using var silence = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            string why;
            try
            {
                if (await AskAsync(tries, silence).ConfigureAwait(false) is not { } reason)
                {
                    return;
                }

                why = reason;
            }
            catch (Exception error) when (error is HttpRequestException or IOException or OperationCanceledException && !cancellation.IsCancellationRequested)
            {
                why = error is OperationCanceledException ? "says nothing" : error.InnerException?.Message ?? error.Message;
            }

            timeline.Write(_name, $"leaves {Gateway.Name}, which {why}");
            if (Answer.Failure is not null || Stopwatch.GetElapsedTime(_lastEvent) > Patience)
            {
                Answer.Failure ??= FormattableString.Invariant($"nothing for {Patience.TotalSeconds} s, at last because {Gateway.Name} {why}");
                return;
            }

            Interlocked.Increment(ref _at);
            await Task.Delay(Pause, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>Null where it has all now, else why it has not.</summary>
    private async Task<string?> AskAsync(int tries, CancellationTokenSource silence)
    {
        using var message = Message();
        silence.CancelAfter(Silence);
        using var response = await http.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, silence.Token).ConfigureAwait(false);
        if (response.StatusCode != HttpStatusCode.OK)
        {
            var text = await response.Content.ReadAsStringAsync(silence.Token).ConfigureAwait(false);
            var sentence = FormattableString.Invariant($"answered {(int)response.StatusCode}: {text}");
            Answer.Failure = response.StatusCode is HttpStatusCode.ServiceUnavailable or HttpStatusCode.TooManyRequests ? null : sentence;
            return sentence;
        }

        Answer.Id ??= response.Headers.GetValues(IdHeader).Single();
        if (tries > 0)
        {
            timeline.Write(_name, $"goes on at {Gateway.Name} by {message.Method} of {Answer.Id}, behind {_cursor ?? "nothing"}");
        }

        var stream = await response.Content.ReadAsStreamAsync(silence.Token).ConfigureAwait(false);
        await using (stream.ConfigureAwait(false))
        {
            return await ReadAsync(stream, silence).ConfigureAwait(false);
        }
    }

    private HttpRequestMessage Message()
    {
        var isRepeated = Answer.Id is null || (_cursor is not null && _random.Next(2) == 0);
        var message = isRepeated
            ? new HttpRequestMessage(HttpMethod.Post, new Uri(Gateway.Address, request.Endpoint)) { Content = new StringContent(request.Body, Encoding.UTF8, "application/json") }
            : new HttpRequestMessage(HttpMethod.Get, new Uri(Gateway.Address, $"v1/sequences/{Answer.Id}/events"));
        if (_cursor is not null)
        {
            message.Headers.Add("Last-Event-ID", _cursor);
        }
        else if (isRepeated && number % 2 == 0)
        {
            message.Headers.Add("Idempotency-Key", FormattableString.Invariant($"chaos-{number}"));
        }

        return message;
    }

    private async Task<string?> ReadAsync(Stream stream, CancellationTokenSource silence)
    {
        using var reader = new StreamReader(stream, Encoding.UTF8, detectEncodingFromByteOrderMarks: false, bufferSize: 16 << 10);
        string? id = null, data = null;
        while (true)
        {
            silence.CancelAfter(Silence);
            if (await reader.ReadLineAsync(silence.Token).ConfigureAwait(false) is not { } line)
            {
                return "closed the connection";
            }

            if (line.StartsWith("id: ", StringComparison.Ordinal))
            {
                id = line["id: ".Length..];
            }
            else if (line.StartsWith("data: ", StringComparison.Ordinal))
            {
                data = line["data: ".Length..];
            }
            else if (line.Length == 0 && data is not null)
            {
                if (data == "[DONE]")
                {
                    return null;
                }

                if (Take(id, data) is { } error)
                {
                    return error;
                }

                (id, data) = (null, null);
            }
        }
    }

    private string? Take(string? id, string data)
    {
        using var chunk = JsonDocument.Parse(data);
        if (chunk.RootElement.TryGetProperty("error", out var error))
        {
            Answer.Failure = $"sent an error: {error.GetRawText()}";
            return Answer.Failure;
        }

        if (Stopwatch.GetElapsedTime(_lastEvent) is var pause && pause > LongPause)
        {
            timeline.Write(_name, FormattableString.Invariant($"had nothing for {pause.TotalSeconds:F1} s"));
        }

        Answer.Add(id, chunk.RootElement);
        _cursor = id ?? _cursor;
        _lastEvent = Stopwatch.GetTimestamp();
        return null;
    }
}
