using OrleansLLM.Compute;

namespace OrleansLLM.Models.Tests;

/// <summary>How a golden case is run.</summary>
/// <param name="Chunk">Prompt rows of one sequence a step.</param>
internal sealed record RunShape(int BlockSize, int Chunk, Company Company);

internal enum Company
{
    Alone,
    AllPromptsTogether,
}

/// <summary>Runs a golden case through the paged path and compares logits, arg max and greedy ids.</summary>
internal sealed class GoldenCheck(GoldenCase golden, float tolerance)
{
    /// <summary>Below this distance of our two best, greedy ids may go another way.</summary>
    private const float SafeMargin = 1e-3f;

    public void Run(ModelFile file, IDevice device, RunShape shape)
    {
        using var model = new PagedModel(file, device, new(512, shape.BlockSize, ElementType.Float32), golden.Prompts.Length, 1000);
        var all = Enumerable.Range(0, golden.Prompts.Length).ToList();
        foreach (var prompts in shape.Company == Company.Alone ? all.ConvertAll(prompt => new List<int> { prompt }) : [all])
        {
            var sequences = prompts.ConvertAll(prompt => model.Start(golden.Prompts[prompt]));
            var last = Prefill(model, prompts, sequences, shape.Chunk);
            Decode(model, prompts, sequences, last);
        }
    }

    private List<float[]> Prefill(PagedModel model, List<int> prompts, List<PagedSequence> sequences, int chunk)
    {
        var last = sequences.ConvertAll(_ => Array.Empty<float>());
        while (sequences.Exists(sequence => sequence.Pending > 0))
        {
            var work = sequences.Where(sequence => sequence.Pending > 0).Select(sequence => (sequence, Math.Min(chunk, sequence.Pending))).ToList();
            var firsts = work.ConvertAll(item => item.sequence.Computed);
            var logits = model.Step(work);
            for (var i = 0; i < work.Count; i++)
            {
                var index = sequences.IndexOf(work[i].sequence);
                last[index] = logits[i][^1];
                CheckArgmax(golden.Argmax[prompts[index]].AsSpan(firsts[i]), logits[i], firsts[i]);
            }
        }

        for (var i = 0; i < prompts.Count; i++)
        {
            CheckLogits(golden.LastLogits[prompts[i]], last[i]);
        }

        return last;
    }

    private void CheckArgmax(ReadOnlySpan<int> expected, float[][] logits, int first)
    {
        for (var row = 0; row < logits.Length; row++)
        {
            var (best, distance) = Best(logits[row]);
            if (distance > 2 * tolerance * logits[row].Max(Math.Abs))
            {
                Assert.True(expected[row] == best, $"position {first + row}: {best} is not {expected[row]}");
            }
        }
    }

    private void CheckLogits(float[] expected, float[] actual)
    {
        var largest = expected.Max(Math.Abs);
        var error = expected.Zip(actual, (a, b) => float.IsNaN(b) ? float.PositiveInfinity : Math.Abs(a - b)).Max() / largest;
        Assert.True(error <= tolerance, $"logits are off by {error:E2} of the largest");
    }

    private void Decode(PagedModel model, List<int> prompts, List<PagedSequence> sequences, List<float[]> last)
    {
        var open = Enumerable.Range(0, prompts.Count).Where(i => Counts(model, prompts[i])).ToList();
        for (var step = 0; open.Count > 0; step++)
        {
            foreach (var i in open.ToList())
            {
                var (best, distance) = Best(last[i]);
                var certain = golden.Margin[prompts[i]] >= SafeMargin || distance >= SafeMargin;
                if (certain)
                {
                    Assert.True(golden.Greedy[prompts[i]][step] == best, $"greedy id {step} of prompt {prompts[i]}: {best} is not {golden.Greedy[prompts[i]][step]}");
                }

                sequences[i].Tokens.Add(best);
                if (!certain || step + 1 == golden.Greedy[prompts[i]].Length)
                {
                    open.Remove(i);
                }
            }

            if (open.Count > 0)
            {
                var logits = model.Step([.. open.Select(i => (sequences[i], 1))]);
                open.ForEach(i => last[i] = logits[open.IndexOf(i)][0]);
            }
        }
    }

    /// <summary>A reference that grows past a dynamic scaling's maximum keeps keys turned by older bases; ours does not, by intent.</summary>
    private bool Counts(PagedModel model, int prompt) =>
        model.Facts.DynamicRopeOrigin == 0 || golden.Prompts[prompt].Length + golden.Greedy[prompt].Length <= model.Facts.DynamicRopeOrigin;

    private static (int Best, float Distance) Best(float[] logits)
    {
        var best = Array.IndexOf(logits, logits.Max());
        return (best, logits[best] - logits.Where((_, id) => id != best).Max());
    }
}
