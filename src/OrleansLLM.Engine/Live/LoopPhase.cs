namespace OrleansLLM.Engine;

internal enum LoopPhase
{
    Running,

    /// <summary>Takes no more attempts and finishes what it holds.</summary>
    Draining,
    Stopped,
    Failed,
}
