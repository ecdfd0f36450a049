using OrleansLLM.Testing.Contract;

namespace OrleansLLM.Compute.Tests.Contract;

public sealed class VaryingLinearTests() : LinearContract(VaryingProfile.Kept);

public sealed class VaryingOperationTests() : OperationContract(VaryingProfile.Kept);

public sealed class VaryingSampleTests() : SampleContract(VaryingProfile.Kept);
