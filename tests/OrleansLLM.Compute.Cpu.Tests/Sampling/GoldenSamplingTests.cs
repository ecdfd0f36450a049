using OrleansLLM.Testing.Contract;

namespace OrleansLLM.Compute.Cpu.Tests.Sampling;

public sealed class GoldenSamplingTests() : GoldenSamplingContract(CpuProfile.Instance);
