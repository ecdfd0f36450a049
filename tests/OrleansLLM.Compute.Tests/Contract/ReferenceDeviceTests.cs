using OrleansLLM.Testing.Contract;

namespace OrleansLLM.Compute.Tests.Contract;

public sealed class ReferenceLinearTests() : LinearContract(new ReferenceProfile());

public sealed class ReferenceOperationTests() : OperationContract(new ReferenceProfile());

public sealed class ReferenceSampleTests() : SampleContract(new ReferenceProfile());
