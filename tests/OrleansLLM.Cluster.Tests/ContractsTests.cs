using OrleansLLM.Testing;

namespace OrleansLLM.Cluster.Tests;

public sealed class ContractsTests
{
    [Fact]
    [Trait("Category", "Contract")]
    public void Names_numbers_and_types_on_the_wire_are_those_of_the_file() =>
        AcceptedFile.Equal("src/OrleansLLM.Cluster/Contracts.txt", Contracts.Of(typeof(JournalMessage).Assembly));
}
