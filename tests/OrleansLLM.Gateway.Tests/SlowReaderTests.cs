using System.IO.Pipelines;
using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using OrleansLLM.Gateway.Answers;
using OrleansLLM.Gateway.OpenAI;
using OrleansLLM.Gateway.Tests.Support;

namespace OrleansLLM.Gateway.Tests;

/// <summary>A client that hardly reads holds up its own stream, and nothing else grows or waits for it.</summary>
public sealed class SlowReaderTests
{
    /// <summary>More than an event of these tests has, its id included.</summary>
    private const int EventBytes = 8 << 10;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(1)]
    [InlineData(190)]
    public async Task What_stands_before_a_client_that_does_not_read_is_bounded_however_much_there_is(int rangeLength)
    {
        CountedBody? slow = null;
        IHttpMinResponseDataRateFeature? rate = null;
        await using var host = await GatewayHost.StartAsync(before: app => app.Use(next => context =>
        {
            if (context.Request.Headers.ContainsKey("X-Slow"))
            {
                slow = new CountedBody(context.Features.GetRequiredFeature<IHttpResponseBodyFeature>());
                context.Features.Set<IHttpResponseBodyFeature>(slow);
                rate = context.Features.GetRequiredFeature<IHttpMinResponseDataRateFeature>();
            }

            return next(context);
        }));
        host.Generator.Answer = (request, _) => new Script([.. Enumerable.Repeat((int)'a', request.MaxTokens)], RangeLength: rangeLength);
        using var client = new TcpClient { ReceiveBufferSize = 4096 };
        await client.ConnectAsync(host.Address.Host, host.Address.Port, Cancellation);
        const string body = """{"prompt":"a","stream":true,"max_tokens":190,"n":64,"logprobs":20}""";
        var head = $"POST /v1/completions HTTP/1.0\r\nHost: x\r\nX-Slow: 1\r\nContent-Type: application/json\r\nContent-Length: {body.Length}\r\n\r\n";
        await client.GetStream().WriteAsync(Encoding.UTF8.GetBytes(head + body), Cancellation);

        Assert.True(SpinWait.SpinUntil(() => slow?.Writer is CountedWriter { IsFlushing: true, Flushed: > 100_000 }, TimeSpan.FromSeconds(30)));
        for (var other = 0; other < 5; other++)
        {
            var answer = await host.PostAsync("/v1/completions", """{"prompt":"a","stream":true,"max_tokens":190,"n":8,"logprobs":20}""");
            Assert.Equal(8 * 190, answer.Chunks.Count(chunk => (string?)chunk["choices"]![0]!["text"] == "a"));
        }

        Assert.Null(rate!.MinDataRate);
        var writer = (CountedWriter)slow!.Writer;
        Assert.InRange(writer.MostUnflushed, 1, AnswerStream<Completion>.MostUnflushed + EventBytes);
        Assert.Equal(0, host.Server.Answers.Held);

        using var reader = new StreamReader(client.GetStream());
        var events = SseEvent.ParseAll((await reader.ReadToEndAsync(Cancellation)).Split("\r\n\r\n", 2)[1]);
        Assert.Equal(64 * 191 + 1, events.Count);
        Assert.InRange(writer.MostUnflushed, 1, AnswerStream<Completion>.MostUnflushed + EventBytes);
    }

    private sealed class CountedBody(IHttpResponseBodyFeature inner) : IHttpResponseBodyFeature
    {
        public Stream Stream => inner.Stream;

        public PipeWriter Writer { get; } = new CountedWriter(inner.Writer);

        public Task CompleteAsync() => inner.CompleteAsync();

        public void DisableBuffering() => inner.DisableBuffering();

        public Task SendFileAsync(string path, long offset, long? count, CancellationToken cancellationToken = default) =>
            inner.SendFileAsync(path, offset, count, cancellationToken);

        public Task StartAsync(CancellationToken cancellationToken = default) => inner.StartAsync(cancellationToken);
    }

    /// <summary>Counts what was written and is not flushed yet.</summary>
    private sealed class CountedWriter(PipeWriter inner) : PipeWriter
    {
        private long _unflushed;

        public long MostUnflushed { get; private set; }

        public long Flushed { get; private set; }

        /// <summary>A flush waits for the client.</summary>
        public bool IsFlushing { get; private set; }

        public override void Advance(int bytes)
        {
            _unflushed += bytes;
            MostUnflushed = Math.Max(MostUnflushed, _unflushed);
            inner.Advance(bytes);
        }

        public override async ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
        {
            IsFlushing = true;
            var result = await inner.FlushAsync(cancellationToken);
            Flushed += _unflushed;
            _unflushed = 0;
            IsFlushing = false;
            return result;
        }

        public override Memory<byte> GetMemory(int sizeHint = 0) => inner.GetMemory(sizeHint);

        public override Span<byte> GetSpan(int sizeHint = 0) => inner.GetSpan(sizeHint);

        public override void CancelPendingFlush() => inner.CancelPendingFlush();

        public override void Complete(Exception? exception = null) => inner.Complete(exception);
    }
}
