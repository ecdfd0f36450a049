using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace OrleansLLM.Architecture.Tests;

/// <summary>What keeps every file readable at one sitting. A file that breaks a budget is split where its second idea begins.</summary>
public sealed class BudgetTests
{
    private const int FileLines = 500;
    private const int MedianFileLines = 90;
    private const int GrainLines = 90;
    private const int ArchitectureLines = 90;
    private const int MethodLines = 40;
    private const int ConstructorParameters = 6;

    [Fact]
    public void No_file_is_longer_than_500_lines() =>
        None(Longer(Repository.Files, FileLines));

    [Fact]
    public void Half_of_the_files_have_at_most_90_lines()
    {
        var lines = Repository.Files.Select(Repository.LinesOf).Order().ToList();
        Assert.InRange(lines[lines.Count / 2], 1, MedianFileLines);
    }

    [Fact]
    public void No_grain_is_longer_than_90_lines()
    {
        var grains = Repository.Files.Where(file => file.EndsWith("Grain.cs", StringComparison.Ordinal)).ToList();
        Assert.NotEmpty(grains);
        None(Longer(grains, GrainLines));
    }

    [Fact]
    public void No_architecture_is_longer_than_90_lines()
    {
        var architectures = Repository.Files.Where(file => file.Contains("/Architectures/", StringComparison.Ordinal)).ToList();
        Assert.NotEmpty(architectures);
        None(Longer(architectures, ArchitectureLines));
    }

    [Fact]
    public void No_method_is_longer_than_40_lines() => None(
        Nodes<SyntaxNode>()
            .Where(found => found.Node is BaseMethodDeclarationSyntax or LocalFunctionStatementSyntax)
            .Where(found => LinesOf(found.Node) > MethodLines)
            .Select(found => $"{found.File}: {NameOf(found.Node)} has {LinesOf(found.Node)} lines"));

    [Fact]
    public void No_constructor_of_a_class_has_more_than_6_parameters() => None(
        Constructors().Where(found => found.Parameters > ConstructorParameters)
            .Select(found => $"{found.File}: {found.Name} has {found.Parameters} parameters"));

    [Fact]
    public void No_model_names_a_weight_format_or_a_device()
    {
        var formats = Directory.EnumerateFiles(Path.Combine(Repository.Source, "OrleansLLM.Compute", "Formats"), "*.cs")
            .Select(path => Path.GetFileNameWithoutExtension(path)!)
            .ToHashSet();
        string[] devices = ["IsCpu", "CpuDevice", "Cuda", "CudaDevice", "TorchDevice"];
        var named =
            from file in Repository.Files
            where file.StartsWith("OrleansLLM.Models/", StringComparison.Ordinal)
            from name in CSharpSyntaxTree.ParseText(Repository.Read(file), cancellationToken: TestContext.Current.CancellationToken)
                .GetRoot(TestContext.Current.CancellationToken).DescendantTokens()
            where name.IsKind(SyntaxKind.IdentifierToken) && (formats.Contains(name.ValueText) || devices.Contains(name.ValueText))
            select $"{file} names {name.ValueText}";

        None(named.Distinct());
    }

    private static void None(IEnumerable<string> offences)
    {
        var found = offences.ToList();
        Assert.True(found.Count == 0, string.Join(Environment.NewLine, found));
    }

    private static IEnumerable<string> Longer(IEnumerable<string> files, int most) =>
        files.Where(file => Repository.LinesOf(file) > most).Select(file => $"{file} has {Repository.LinesOf(file)} lines");

    /// <summary>A record is its fields, so a record's parameters are no constructor in the sense of the budget.</summary>
    private static IEnumerable<(string File, string Name, int Parameters)> Constructors() =>
        Nodes<ConstructorDeclarationSyntax>().Select(found => (found.File, found.Node.Identifier.ValueText, found.Node.ParameterList.Parameters.Count))
            .Concat(Nodes<ClassDeclarationSyntax>().Select(found => (found.File, found.Node.Identifier.ValueText, found.Node.ParameterList?.Parameters.Count ?? 0)));

    private static IEnumerable<(string File, T Node)> Nodes<T>()
        where T : SyntaxNode =>
        from file in Repository.Files
        from node in CSharpSyntaxTree.ParseText(Repository.Read(file)).GetRoot().DescendantNodes().OfType<T>()
        select (file, node);

    /// <summary>From the signature to the closing brace, without the documentation above.</summary>
    private static int LinesOf(SyntaxNode node)
    {
        var span = node.SyntaxTree.GetLineSpan(node.Span);
        return span.EndLinePosition.Line - span.StartLinePosition.Line + 1;
    }

    private static string NameOf(SyntaxNode node) => node switch
    {
        MethodDeclarationSyntax method => method.Identifier.ValueText,
        LocalFunctionStatementSyntax local => local.Identifier.ValueText,
        ConstructorDeclarationSyntax constructor => constructor.Identifier.ValueText,
        _ => node.Kind().ToString(),
    };
}
