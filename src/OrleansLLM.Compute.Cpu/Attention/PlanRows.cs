namespace OrleansLLM.Compute.Cpu.Attention;

internal static class PlanRows
{
    /// <summary>The position of a row of the step, and its sequence.</summary>
    public static int PositionOf(this AttentionPlan plan, int row, out int sequence)
    {
        var (low, high) = (0, plan.Sequences - 1);
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            (low, high) = plan.QueryStarts[middle] <= row ? (middle, high) : (low, middle - 1);
        }

        sequence = low;
        return plan.FirstPositions[low] + row - plan.QueryStarts[low];
    }
}
