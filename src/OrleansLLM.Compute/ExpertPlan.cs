namespace OrleansLLM.Compute;

/// <summary>How a router's logits become weights.</summary>
/// <param name="Experts">Logits a row.</param>
/// <param name="Selected">Experts that each row uses.</param>
/// <param name="Scoring">What turns logits into weights.</param>
public readonly record struct RoutingShape(int Experts, int Selected, RoutingScore Scoring);

public enum RoutingScore
{
    /// <summary>Softmax over all experts, the selected weights then divided by their sum (Mixtral).</summary>
    SoftmaxRenormalized,
}

/// <summary>
/// The experts of each row, best first, ties by the lower expert: row t's k-th expert is Ids[t · Selected + k] with weight
/// Weights[t · Selected + k]. Outputs add in rank order, so a row has the same bits in any batch.
/// </summary>
public sealed class ExpertPlan(int maxRows, int selected)
{
    public int Selected { get; } = selected;

    public int[] Ids { get; } = new int[maxRows * selected];

    public float[] Weights { get; } = new float[maxRows * selected];
}
