using Xunit;

namespace OrleansLLM.Testing;

/// <summary>The names of one kind that are built.</summary>
/// <param name="kind">What a name names, for messages.</param>
public sealed class BuiltList(string kind, params string[] names)
{
    public IReadOnlyList<string> Names { get; } = names;

    public Feature this[string name] => new(this, name);

    public bool Contains(string name) => Names.Contains(name, StringComparer.Ordinal);

    /// <summary>Fails unless the product's table has the list's names, all of them and no others.</summary>
    public void AssertEquals(IEnumerable<string> table)
    {
        var rows = table.Distinct(StringComparer.Ordinal).ToList();
        var (unlisted, missing) = (rows.Except(Names).ToList(), Names.Except(rows).ToList());
        Assert.True(unlisted.Count == 0, $"{kind}: built, and not in the list of what is built: {string.Join(", ", unlisted)}");
        Assert.True(missing.Count == 0, $"{kind}: in the list of what is built, and not built: {string.Join(", ", missing)}");
    }

    public override string ToString() => kind;
}

/// <summary>Something that a case's own files name.</summary>
public readonly record struct Feature(BuiltList List, string Name)
{
    public bool IsBuilt => List.Contains(Name);

    public override string ToString() => $"{List} {Name}";

    /// <summary>Skips the running test by the first name that the lists of <see cref="Built"/> lack.</summary>
    public static void SkipUnlessBuilt(params IEnumerable<Feature> features)
    {
        if (features.Where(feature => !feature.IsBuilt).Take(1).ToArray() is [var missing])
        {
            Assert.Skip($"not built: {missing}");
        }
    }
}
