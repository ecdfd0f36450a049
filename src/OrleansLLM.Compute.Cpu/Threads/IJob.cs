namespace OrleansLLM.Compute.Cpu.Threads;

/// <summary>
/// One operation cut into items that any worker can do in any order. A struct, passed by reference: running one allocates nothing.
/// An item's result must not depend on who does it. What can be wrong is checked before a job runs: an item that throws is a bug, and
/// leaves the job's results half done.
/// </summary>
internal interface IJob
{
    void Run(int item, int worker);
}
