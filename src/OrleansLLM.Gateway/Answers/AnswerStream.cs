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

/// <summary>Streams answers as they come: an event a delta, one flush for all tokens of a range.</summary>
internal sealed class AnswerStream<TChunk>(GatewayCall call, StreamOptions options, IChunkShape<TChunk> shape, int choices)
    : IAnswerSink, IDisposable
    where TChunk : class
{
    private readonly SseStream _events = new(call.Context.Response);
    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly bool[] _isOpen = new bool[choices];

    public async ValueTask WriteAsync(Choice choice, IReadOnlyList<AnswerDelta> deltas, CancellationToken cancellation)
    {
        await _turn.WaitAsync(cancellation);
        try
        {
            Open(choice);
            foreach (var delta in deltas)
            {
                _events.Write(shape.Next(choice, delta, UsageOf(choice, delta.Drawn)), shape.Type);
            }

            await _events.FlushAsync(cancellation);
        }
        finally
        {
            _turn.Release();
        }
    }

    public async ValueTask CloseAsync(Usage? usage)
    {
        if (usage is not null)
        {
            _events.Write(shape.Close(usage), shape.Type);
        }

        _events.WriteDone();
        await _events.FlushAsync(call.Aborted);
    }

    public void Dispose()
    {
        _events.Dispose();
        _turn.Dispose();
    }

    private Usage? UsageOf(Choice choice, int drawn) =>
        options.Usage == UsageReport.Every ? new Usage(choice.Prompt.Ids.Length, drawn) : null;

    private void Open(Choice choice)
    {
        if (_isOpen[choice.Index])
        {
            return;
        }

        _isOpen[choice.Index] = true;
        if (shape.Open(choice, UsageOf(choice, 0)) is { } chunk)
        {
            _events.Write(chunk, shape.Type);
        }
    }
}
