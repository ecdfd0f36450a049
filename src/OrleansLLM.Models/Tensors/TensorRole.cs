namespace OrleansLLM.Models.Tensors;

/// <summary>What a tensor is in its model, whatever its file calls it.</summary>
internal enum TensorRole
{
    Embedding,
    Positions,
    FinalNorm,
    Head,
    RopeDivisors,
    AttentionNorm,
    AttentionPostNorm,
    Query,
    Key,
    Value,
    QueryKeyValue,
    QueryNorm,
    KeyNorm,
    AttentionOutput,
    MlpNorm,
    MlpPostNorm,
    Gate,
    Up,
    Down,
    Router,

    /// <summary>All experts' matrices in one tensor, experts outermost.</summary>
    StackedGate,
    StackedUp,
    StackedDown,

    /// <summary>All experts' gates and ups in one tensor, an expert's gate before its up.</summary>
    StackedGateUp,

    /// <summary>One expert's matrix.</summary>
    ExpertGate,
    ExpertUp,
    ExpertDown,
}
