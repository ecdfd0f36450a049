using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;
using OrleansLLM.Cli.Client;

namespace OrleansLLM.Cli.Bench;

/// <summary>Sends requests and notes when each piece of an answer arrives, on one clock.</summary>
internal sealed class RequestMeter(ServerClient client, string endpoint)
{
    private readonly Stopwatch _clock = Stopwatch.StartNew();

    /// <summary>Since this meter was made.</summary>
    public TimeSpan Elapsed => _clock.Elapsed;

    private double Now => _clock.Elapsed.TotalSeconds;

    /// <summary>A failure is a record with an error, never an exception.</summary>
    public async Task<RequestRecord> MeasureAsync(JsonObject body, CancellationToken cancellation)
    {
        var sent = Now;
        var arrivals = new List<double>();
        var text = new StringBuilder();
        AnswerUsage? usage = null;
        try
        {
            await foreach (var piece in client.StreamAsync(endpoint, body, cancellation).ConfigureAwait(false))
            {
                usage = piece.Usage ?? usage;
                if (piece.Text is { } more)
                {
                    arrivals.Add(Now);
                    text.Append(more);
                }
            }
        }
        catch (Exception error) when (error is HttpRequestException or IOException)
        {
            return new RequestRecord { Sent = sent, Ended = Now, Error = error.Message };
        }

        return new RequestRecord
        {
            Sent = sent,
            Ended = arrivals.Count > 0 ? arrivals[^1] : Now,
            Arrivals = arrivals,
            InputTokens = usage?.PromptTokens ?? 0,
            OutputTokens = usage?.CompletionTokens ?? arrivals.Count,
            Text = text.ToString(),
            Error = arrivals.Count > 0 ? "" : "the stream ended without a token",
        };
    }
}
