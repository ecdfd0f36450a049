using OrleansLLM.Compute;
using OrleansLLM.Models.Blueprints;
using OrleansLLM.Models.Loading;

namespace OrleansLLM.Models.Layers;

/// <summary>The position-wise half of a layer.</summary>
internal abstract class Mlp
{
    /// <summary>to = mlp(x), both [rows, width].</summary>
    public abstract void Forward(IDevice device, Tensor x, Tensor to);

    public static Mlp Create(MlpBlueprint blueprint, WeightLoader loader, Workspace workspace) => blueprint switch
    {
        GatedMlpBlueprint gated => new GatedMlp(gated, loader, workspace),
        PlainMlpBlueprint plain => new PlainMlp(plain, loader, workspace),
        ExpertMlpBlueprint experts => new ExpertMlp(experts, loader, workspace),
        _ => throw new ArgumentException($"no layer computes {blueprint.GetType().Name}", nameof(blueprint)),
    };
}

internal sealed class GatedMlp(GatedMlpBlueprint blueprint, WeightLoader loader, Workspace workspace) : Mlp
{
    private readonly Activation _activation = blueprint.Activation;
    private readonly Weight _gateUp = loader.Load(blueprint.GateUp);
    private readonly Weight _down = loader.Load(blueprint.Down);
    private readonly Tensor _gateUpRows = workspace.Share("gate and up", blueprint.GateUp.Outputs);
    private readonly Tensor _innerRows = workspace.Share("inner", blueprint.Down.Inputs);

    public override void Forward(IDevice device, Tensor x, Tensor to)
    {
        var (gateUp, inner) = (_gateUpRows.Take(x.Rows), _innerRows.Take(x.Rows));
        device.Linear(x, _gateUp, gateUp);
        device.ActivateGated(gateUp, _activation, inner);
        device.Linear(inner, _down, to);
    }
}

internal sealed class PlainMlp(PlainMlpBlueprint blueprint, WeightLoader loader, Workspace workspace) : Mlp
{
    private readonly Activation _activation = blueprint.Activation;
    private readonly Weight _up = loader.Load(blueprint.Up);
    private readonly Weight _down = loader.Load(blueprint.Down);
    private readonly Tensor _innerRows = workspace.Share("inner", blueprint.Down.Inputs);

    public override void Forward(IDevice device, Tensor x, Tensor to)
    {
        var inner = _innerRows.Take(x.Rows);
        device.Linear(x, _up, inner);
        device.Activate(inner, _activation);
        device.Linear(inner, _down, to);
    }
}

internal sealed class ExpertMlp(ExpertMlpBlueprint blueprint, WeightLoader loader, Workspace workspace) : Mlp
{
    private readonly RoutingShape _routing = blueprint.Routing;
    private readonly Activation _activation = blueprint.Activation;
    private readonly Weight _router = loader.Load(blueprint.Router);
    private readonly ExpertWeights _gateUp = loader.LoadExperts(blueprint.GateUp);
    private readonly ExpertWeights _down = loader.LoadExperts(blueprint.Down);
    private readonly Tensor _scoreRows = workspace.Share("router", blueprint.Routing.Experts);
    private readonly ExpertPlan _plan = new(workspace.MaxRows, blueprint.Routing.Selected);

    public override void Forward(IDevice device, Tensor x, Tensor to)
    {
        var scores = _scoreRows.Take(x.Rows);
        device.Linear(x, _router, scores);
        device.Route(scores, _routing, _plan);
        device.ExpertMlp(x, _gateUp, _down, _activation, _plan, to);
    }
}
