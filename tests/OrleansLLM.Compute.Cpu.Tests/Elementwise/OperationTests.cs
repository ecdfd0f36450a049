using OrleansLLM.Testing.Contract;

namespace OrleansLLM.Compute.Cpu.Tests.Elementwise;

public sealed class OperationTests() : OperationContract(CpuProfile.Instance);
