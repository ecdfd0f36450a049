using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;

namespace OrleansLLM.Architecture.Tests;

/// <summary>References only point down: read from the compiled assemblies, not from project files.</summary>
public sealed class ArrowTests
{
    /// <summary>A row for each project: what it may reference. A new project is a new row.</summary>
    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["Abstractions"] = [],
        ["Files"] = [],
        ["Compute"] = [],
        ["Compute.Cpu"] = ["Compute"],
        ["Models"] = ["Compute", "Files"],
        ["Sequences"] = ["Abstractions"],
        ["Engine"] = ["Models", "Compute", "Sequences", "Abstractions"],
        ["Templates"] = [],
        ["Text"] = ["Templates", "Abstractions", "Files"],
        ["Gateway"] = ["Abstractions", "Text"],
        ["Cluster"] = ["Sequences", "Abstractions"],
        ["Hosting"] = ["Abstractions", "Files", "Compute", "Compute.Cpu", "Models", "Sequences", "Engine", "Templates", "Text"],
        ["Cli"] =
        [
            "Abstractions", "Files", "Compute", "Compute.Cpu", "Models", "Sequences", "Engine", "Templates", "Text", "Gateway", "Cluster", "Hosting",
        ],
    };

    private static readonly string[] MayUseOrleans = ["Cluster", "Cli"];

    private static readonly string[] MayUseAspNet = ["Gateway", "Cli", "Cluster"];

    /// <summary>Connections without HTTP, which Orleans' transports are made of.</summary>
    private static readonly string[] TransportOnly = ["Microsoft.AspNetCore.Connections.Abstractions", "Microsoft.AspNetCore.Http.Features"];

    public static TheoryData<string> Projects => [.. Repository.Projects];

    [Theory]
    [MemberData(nameof(Projects))]
    public void A_project_references_only_what_lies_below_it(string project)
    {
        var name = project["OrleansLLM.".Length..];
        Assert.True(Allowed.TryGetValue(name, out var allowed), $"{project} has no row in the table of arrows: add it where DESIGN puts it.");

        var own = References(project).Where(reference => reference.StartsWith("OrleansLLM.", StringComparison.Ordinal));
        Assert.Empty(own.Except(allowed.Select(below => $"OrleansLLM.{below}")));
    }

    [Theory]
    [MemberData(nameof(Projects))]
    public void Orleans_is_named_by_the_cluster_only(string project)
    {
        if (!MayUseOrleans.Contains(project["OrleansLLM.".Length..]))
        {
            Assert.DoesNotContain(References(project), reference => reference.StartsWith("Orleans.", StringComparison.Ordinal));
        }
    }

    [Theory]
    [MemberData(nameof(Projects))]
    public void Http_begins_at_the_gateway(string project)
    {
        var name = project["OrleansLLM.".Length..];
        var web = References(project).Where(reference => reference.StartsWith("Microsoft.AspNetCore.", StringComparison.Ordinal)).ToList();
        if (!MayUseAspNet.Contains(name))
        {
            Assert.Empty(web);
        }
        else if (name == "Cluster")
        {
            Assert.Empty(web.Except(TransportOnly));
        }
    }

    [Fact]
    public void A_gateway_in_a_cluster_carries_neither_models_nor_kernels()
    {
        string[] carried = [.. Closure("OrleansLLM.Gateway").Union(Closure("OrleansLLM.Cluster")).Order(StringComparer.Ordinal)];
        Assert.Equal(
            [
                "OrleansLLM.Abstractions", "OrleansLLM.Cluster", "OrleansLLM.Files", "OrleansLLM.Gateway", "OrleansLLM.Sequences",
                "OrleansLLM.Templates", "OrleansLLM.Text",
            ],
            carried);
    }

    [Fact]
    public void The_table_holds_no_cycle_and_no_project_that_is_not_there()
    {
        Assert.Empty(Allowed.Keys.Select(name => $"OrleansLLM.{name}").Except(Repository.Projects));
        var sorted = new List<string>();
        while (sorted.Count < Allowed.Count)
        {
            var next = Allowed.Where(row => !sorted.Contains(row.Key) && row.Value.All(sorted.Contains)).Select(row => row.Key).ToList();
            Assert.NotEmpty(next);
            sorted.AddRange(next);
        }
    }

    [Theory]
    [MemberData(nameof(Projects))]
    public void A_project_has_tests_of_its_name(string project) =>
        Assert.True(File.Exists(Path.Combine(Repository.Root, "tests", $"{project}.Tests", $"{project}.Tests.csproj")), $"tests/{project}.Tests is missing.");

    /// <summary>The project and all of ours that it needs to run.</summary>
    private static HashSet<string> Closure(string project)
    {
        var closure = new HashSet<string> { project };
        foreach (var reference in References(project).Where(name => name.StartsWith("OrleansLLM.", StringComparison.Ordinal)))
        {
            closure.UnionWith(Closure(reference));
        }

        return closure;
    }

    private static List<string> References(string project)
    {
        var assembly = project == "OrleansLLM.Cli" ? "orleansllm" : project;
        using var file = new PEReader(File.OpenRead(Path.Combine(AppContext.BaseDirectory, $"{assembly}.dll")));
        var metadata = file.GetMetadataReader();
        return [.. metadata.AssemblyReferences.Select(handle => metadata.GetString(metadata.GetAssemblyReference(handle).Name))];
    }
}
