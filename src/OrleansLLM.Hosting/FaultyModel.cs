using System.Diagnostics;
using Microsoft.ML.Tokenizers;
using OrleansLLM.Compute;
using OrleansLLM.Models;

namespace OrleansLLM.Hosting;

/// <summary>Whether prompts can ask for faults. Only for tests of clusters: whoever sends a prompt can then end a process.</summary>
public enum FaultInjection
{
    Off,

    /// <summary>A worker that computes a prompt with <see cref="FaultyModel.Kill"/> in it kills its process; with <see cref="FaultyModel.Hang"/>, it stops for ever.</summary>
    On,
}

/// <summary>A model that does what prompts ask for where a test has a fault in mind.</summary>
internal sealed class FaultyModel(ICausalModel model) : ICausalModel
{
    public const string Kill = "orleansllm-fault-kill";
    public const string Hang = "orleansllm-fault-hang";

    /// <summary>More than a marker has.</summary>
    private const int TailTokens = 24;

    /// <summary>The last tokens of each sequence's last chunk, by the block that holds them: a marker may stand on both sides of a chunk's end.</summary>
    private readonly Dictionary<int, (int End, int[] Tokens)> _tails = [];

    /// <summary>Reads the prompts; until it is there no prompt comes from outside.</summary>
    public Tokenizer? Tokenizer { get; set; }

    public ModelFacts Facts => model.Facts;

    public string Fingerprint => model.Fingerprint;

    public int MaxRows => model.MaxRows;

    public void Attach(KvCache cache) => model.Attach(cache);

    public void Logits(ReadOnlySpan<int> rows, Tensor to) => model.Logits(rows, to);

    public void Dispose() => model.Dispose();

    public void Forward(ForwardBatch batch)
    {
        if (Tokenizer is { } tokenizer)
        {
            var plan = batch.Plans[0];
            for (var i = 0; i < plan.Sequences; i++)
            {
                Do(tokenizer.Decode(TokensOf(i, batch.TokenIds, plan)));
            }
        }

        model.Forward(batch);
    }

    /// <summary>The sequence's tokens of this step, behind the last ones before them.</summary>
    private int[] TokensOf(int sequence, int[] ids, AttentionPlan plan)
    {
        var (from, first) = (plan.QueryStarts[sequence], plan.FirstPositions[sequence]);
        var end = first + plan.QueryStarts[sequence + 1] - from;
        var before = first > 0 && _tails.TryGetValue(BlockOf(first - 1), out var tail) && tail.End == first ? tail.Tokens : [];
        int[] tokens = [.. before, .. ids.AsSpan(from, end - first)];
        _tails[BlockOf(end - 1)] = (end, tokens[^Math.Min(TailTokens, tokens.Length)..]);
        return tokens;

        int BlockOf(int position) => plan.BlockTables[plan.TableStarts[sequence] + (position / plan.BlockSize)];
    }

    private static void Do(string text)
    {
        if (text.Contains(Kill, StringComparison.Ordinal))
        {
            Process.GetCurrentProcess().Kill();
        }

        if (text.Contains(Hang, StringComparison.Ordinal))
        {
            Thread.Sleep(Timeout.Infinite);
        }
    }
}
