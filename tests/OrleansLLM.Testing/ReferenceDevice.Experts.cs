using OrleansLLM.Compute;

namespace OrleansLLM.Testing;

public sealed partial class ReferenceDevice
{
    public void Route(Tensor logits, in RoutingShape shape, ExpertPlan to)
    {
        RequireShape(logits.Columns == shape.Experts && to.Selected == shape.Selected, "route");
        for (var row = 0; row < logits.Rows; row++)
        {
            var shares = new double[shape.Experts];
            for (var expert = 0; expert < shares.Length; expert++)
            {
                shares[expert] = Row(logits, row)[expert];
            }

            SoftMax(shares);
            var best = Enumerable.Range(0, shares.Length).OrderByDescending(expert => shares[expert]).ThenBy(expert => expert)
                .Take(shape.Selected).ToArray();
            var sum = best.Sum(expert => shares[expert]);
            for (var k = 0; k < best.Length; k++)
            {
                to.Ids[(row * shape.Selected) + k] = best[k];
                to.Weights[(row * shape.Selected) + k] = (float)(shares[best[k]] / sum);
            }
        }
    }

    public void ExpertMlp(Tensor x, ExpertWeights gateUp, ExpertWeights down, Activation activation, ExpertPlan plan, Tensor to)
    {
        RequireShape(x.Rows == to.Rows && x.Columns == gateUp.Inputs && gateUp.Outputs == 2 * down.Inputs && to.Columns == down.Outputs, "expert mlp");
        var hidden = new float[gateUp.Outputs];
        var gated = new float[down.Inputs];
        var output = new float[down.Outputs];
        for (var row = 0; row < x.Rows; row++)
        {
            Row(to, row).Clear();
            for (var k = 0; k < plan.Selected; k++)
            {
                var expert = plan.Ids[(row * plan.Selected) + k];
                Multiply(Row(x, row), ((ReferenceExperts)gateUp).Weights[expert], hidden);
                Gate(hidden, activation, gated);
                Multiply(gated, ((ReferenceExperts)down).Weights[expert], output);
                for (var i = 0; i < output.Length; i++)
                {
                    Row(to, row)[i] += plan.Weights[(row * plan.Selected) + k] * output[i];
                }
            }
        }
    }
}
