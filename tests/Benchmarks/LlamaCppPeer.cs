using LLama;
using LLama.Common;
using LLama.Native;

namespace OrleansLLM.Benchmarks;

/// <summary>llama.cpp in this process, through LLamaSharp: the peer that the CPU device is measured against. It draws no tokens: they are given.</summary>
internal sealed class LlamaCppPeer : IDisposable
{
    private readonly LLamaWeights _weights;
    private readonly LLamaContext _context;
    private readonly LLamaBatch _batch = new();

    public LlamaCppPeer(string path, int threads, int maxSequences, int contextSize)
    {
        NativeLibraryConfig.All.WithLogCallback((_, _) => { });
        var parameters = new ModelParams(path)
        {
            ContextSize = (uint)contextSize,
            BatchSize = 512,
            UBatchSize = 512,
            SeqMax = (uint)maxSequences,
            Threads = threads,
            BatchThreads = threads,
            FlashAttention = true,
        };
        _weights = LLamaWeights.LoadFromFile(parameters);
        _context = _weights.CreateContext(parameters);
    }

    public void Dispose()
    {
        _context.Dispose();
        _weights.Dispose();
    }

    /// <summary>Computes a prompt of sequence 0 from an empty cache, with the logits of its last token.</summary>
    public void Prefill(ReadOnlySpan<int> ids)
    {
        _context.NativeHandle.MemoryClear();
        _batch.Clear();
        for (var i = 0; i < ids.Length; i++)
        {
            _batch.Add(ids[i], i, (LLamaSeqId)0, i == ids.Length - 1);
        }

        Run();
        _ = _context.NativeHandle.GetLogitsIth(ids.Length - 1)[0];
    }

    /// <summary>Shares the prompt of sequence 0 with the sequences up to <paramref name="count"/>.</summary>
    public void Share(int count)
    {
        for (var sequence = 1; sequence < count; sequence++)
        {
            _context.NativeHandle.MemorySequenceCopy((LLamaSeqId)0, (LLamaSeqId)sequence, 0, -1);
        }
    }

    /// <summary>One step: a token a sequence at <paramref name="position"/>, with the logits of each.</summary>
    public void Decode(int position, ReadOnlySpan<int> tokens)
    {
        _batch.Clear();
        for (var sequence = 0; sequence < tokens.Length; sequence++)
        {
            _batch.Add(tokens[sequence], position, (LLamaSeqId)sequence, true);
        }

        Run();
        _ = _context.NativeHandle.GetLogitsIth(tokens.Length - 1)[0];
    }

    private void Run()
    {
        var result = _context.Decode(_batch);
        if (result != DecodeResult.Ok)
        {
            throw new InvalidOperationException($"llama_decode answered {result}.");
        }
    }
}
