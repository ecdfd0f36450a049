namespace OrleansLLM.Compute.Cpu.Threads;

/// <summary>
/// One operation cut into items that any worker can do in any order. A struct, passed by reference: running one allocates nothing.
/// An item's result must not depend on who does it, and no item throws: what can be wrong is checked before a job runs.
/// </summary>
internal interface IJob
{
    void Run(int item, int worker);
}
