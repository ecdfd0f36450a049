using System.Reflection;
using OrleansLLM.Testing;
using PublicApiGenerator;

namespace OrleansLLM.Architecture.Tests;

/// <summary>What others compile against changes only together with a file that a reviewer sees.</summary>
public sealed class PublicApiTests
{
    private static readonly ApiGeneratorOptions Options = new()
    {
        IncludeAssemblyAttributes = false,

        // What Orleans generates from the messages and grain interfaces.
        DenyNamespacePrefixes = ["OrleansCodeGen"],

        // What Contracts.txt holds, and what the compiler numbers.
        ExcludeAttributes =
        [
            "Orleans.AliasAttribute", "Orleans.GenerateSerializerAttribute", "Orleans.IdAttribute", "Orleans.ImmutableAttribute",
            "Orleans.RegisterConverterAttribute", "System.Runtime.CompilerServices.AsyncIteratorStateMachineAttribute",
            "System.Runtime.CompilerServices.EnumeratorCancellationAttribute",
        ],
    };

    /// <summary>A row for each project that others build on.</summary>
    public static TheoryData<string> Projects => ["Abstractions", "Sequences", "Text", "Gateway", "Hosting", "Cluster"];

    [Theory]
    [MemberData(nameof(Projects))]
    [Trait("Category", "Contract")]
    public void The_public_api_is_that_of_the_file(string project)
    {
        var assembly = Assembly.LoadFrom(Path.Combine(AppContext.BaseDirectory, $"OrleansLLM.{project}.dll"));

        AcceptedFile.Equal($"src/OrleansLLM.{project}/PublicApi.txt", $"{assembly.GeneratePublicApi(Options).ReplaceLineEndings("\n").TrimEnd()}\n");
    }
}
