using System.Text.Json.Serialization.Metadata;
using OrleansLLM.Gateway.Http;
using OrleansLLM.Gateway.OpenAI;
using OrleansLLM.Gateway.Requests;

namespace OrleansLLM.Gateway.Answers;

/// <summary>How an endpoint writes the chunks of a stream.</summary>
internal interface IChunkShape<TChunk>
    where TChunk : class
{
    JsonTypeInfo<TChunk> Type { get; }

    /// <summary>A chunk that opens an answer, or null where none is needed.</summary>
    TChunk? Open(Choice choice, Usage? usage);

    TChunk Next(Choice choice, AnswerDelta delta, Usage? usage);

    /// <summary>The chunk behind the answers.</summary>
    TChunk Close(Usage usage);
}

/// <summary>
/// Streams answers as they come: an event a delta, one flush for all tokens of a range. What a client does not read it holds up, here and nowhere
/// else: no more than <see cref="MostUnflushed"/> bytes and an event stand in the pipe before it is waited for.
/// </summary>
internal sealed class AnswerStream<TChunk> : IAnswerSink, IAsyncDisposable
    where TChunk : class
{
    public const int MostUnflushed = 32 << 10;

    private readonly GatewayCall _call;
    private readonly StreamOptions _options;
    private readonly IChunkShape<TChunk> _shape;
    private readonly SseStream _events;
    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly SseKeepAlive _keepAlive;
    private readonly StreamCursor _cursor;

    /// <param name="cursor">Where the client stands; it moves on with what is written.</param>
    public AnswerStream(GatewayCall call, StreamOptions options, IChunkShape<TChunk> shape, StreamCursor cursor)
    {
        (_call, _options, _shape, _cursor) = (call, options, shape, cursor);
        _events = new SseStream(call.Context.Response);
        _keepAlive = new SseKeepAlive(_events, _turn, call.Server.Options.SseKeepAlive, call.Server.Time);
    }

    /// <summary>Tells the client that it was taken in, and from then on whenever it hears nothing for long that it still is.</summary>
    public async ValueTask OpenAsync()
    {
        await _turn.WaitAsync(_call.Aborted);
        try
        {
            _keepAlive.Start(_call.Aborted);
            await _events.OpenAsync(_call.Aborted);
        }
        finally
        {
            _turn.Release();
        }
    }

    public async ValueTask WriteAsync(Choice choice, IReadOnlyList<AnswerDelta> deltas, CancellationToken cancellation)
    {
        await _turn.WaitAsync(cancellation);
        try
        {
            Open(choice);
            foreach (var delta in deltas)
            {
                _cursor.Advance(choice.Index, delta);
                _events.Write(_cursor, _shape.Next(choice, delta, UsageOf(choice, delta.Drawn)), _shape.Type);
                if (_events.Unflushed >= MostUnflushed)
                {
                    await _events.FlushAsync(_call.Aborted);
                }
            }

            _keepAlive.OnWritten();
            await _events.FlushAsync(_call.Aborted); // a flush that is cancelled takes the connection with it, and the error that is still to be said
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <param name="usage">Null where it is not to be said.</param>
    public async ValueTask CloseAsync(Usage? usage)
    {
        await _keepAlive.DisposeAsync();
        if (usage is not null)
        {
            _cursor.HasUsage = true;
            _events.Write(_cursor, _shape.Close(usage), _shape.Type);
        }

        _events.WriteDone(_cursor);
        await _events.FlushAsync(_call.Aborted);
    }

    public async ValueTask DisposeAsync()
    {
        await _keepAlive.DisposeAsync();
        _events.Dispose();
        _turn.Dispose();
    }

    private Usage? UsageOf(Choice choice, int drawn) =>
        _options.Usage == UsageReport.Every ? new Usage(choice.Prompt.Ids.Length, drawn) : null;

    private void Open(Choice choice)
    {
        if (_cursor[choice.Index].Stage != ChoiceStage.None)
        {
            return;
        }

        _cursor[choice.Index] = new ChoiceProgress(ChoiceStage.Opened, 0);
        if (_shape.Open(choice, UsageOf(choice, 0)) is { } chunk)
        {
            _events.Write(_cursor, chunk, _shape.Type);
        }
    }
}
