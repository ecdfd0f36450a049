using System.Text;
using OrleansLLM.Gateway.Answers;

namespace OrleansLLM.Gateway.Tests.Support;

/// <summary>A client's connection to a stream of an engine that is held between its steps; disposed it breaks.</summary>
internal sealed class LiveStream : IDisposable
{
    private readonly HttpResponseMessage _response;
    private readonly StepGate _gate;
    private readonly Stream _stream;
    private readonly List<byte> _bytes = [];

    private LiveStream(HttpResponseMessage response, Stream stream, StepGate gate)
    {
        (_response, _stream, _gate) = (response, stream, gate);
        Id = response.Headers.GetValues("Orleansllm-Id").Single();
        _ = AnswerId.TryParse(Id, out var answer);
        Sequence = new SequenceId(answer.Request, 0);
    }

    public string Id { get; }

    /// <summary>Of the first choice.</summary>
    public SequenceId Sequence { get; }

    public IReadOnlyList<SseEvent> Events => SseEvent.ParseAll(Encoding.UTF8.GetString([.. _bytes]));

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static async Task<LiveStream> OpenAsync(GatewayHost host, StepGate gate, HttpRequestMessage request)
    {
        var response = await gate.StepUntilAsync(host.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancellation));
        Assert.Equal(200, (int)response.StatusCode);
        return new LiveStream(response, await response.Content.ReadAsStreamAsync(Cancellation), gate);
    }

    public static async Task<LiveStream> PostAsync(GatewayHost host, StepGate gate, string body, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/completions") { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        foreach (var (name, value) in headers)
        {
            request.Headers.Add(name, value);
        }

        return await OpenAsync(host, gate, request);
    }

    public static async Task<LiveStream> GetAsync(GatewayHost host, StepGate gate, string path)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        return await OpenAsync(host, gate, request);
    }

    /// <summary>Reads until there are so many events, or to the end.</summary>
    public async Task<IReadOnlyList<SseEvent>> ReadAsync(int events)
    {
        var buffer = new byte[64];
        while (Events.Count < events && await _gate.StepUntilAsync(_stream.ReadAsync(buffer, Cancellation).AsTask()) is > 0 and var read)
        {
            _bytes.AddRange(buffer[..read]);
        }

        return Events;
    }

    public void Dispose()
    {
        _stream.Dispose();
        _response.Dispose();
    }
}
