namespace OrleansLLM.Compute.Cpu.Experts;

/// <summary>Chooses a row's experts.</summary>
internal static class Router
{
    /// <summary>
    /// The largest logits, best first, ties by the lower expert. Softmax over all and division by the selected sum is a softmax over the
    /// selected ones. NaN counts as the largest: such a row's weights are all NaN.
    /// </summary>
    public static void Select(ReadOnlySpan<float> logits, in RoutingShape shape, ExpertPlan to, int row)
    {
        var ids = to.Ids.AsSpan(row * shape.Selected, shape.Selected);
        var weights = to.Weights.AsSpan(row * shape.Selected, shape.Selected);
        for (var rank = 0; rank < shape.Selected; rank++)
        {
            var best = -1;
            for (var expert = 0; expert < shape.Experts; expert++)
            {
                if ((best < 0 || logits[expert] > logits[best] || float.IsNaN(logits[expert])) && !ids[..rank].Contains(expert))
                {
                    best = expert;
                }
            }

            ids[rank] = best;
        }

        var total = 0.0;
        foreach (var id in ids)
        {
            total += Math.Exp(logits[id] - (double)logits[ids[0]]);
        }

        for (var rank = 0; rank < shape.Selected; rank++)
        {
            weights[rank] = (float)(Math.Exp(logits[ids[rank]] - (double)logits[ids[0]]) / total);
        }
    }
}
