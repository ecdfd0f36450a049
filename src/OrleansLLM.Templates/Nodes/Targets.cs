using OrleansLLM.Templates.Values;

namespace OrleansLLM.Templates.Nodes;

/// <summary>What a `set` or a `for` assigns to.</summary>
internal abstract class Target(int line) : Node(line)
{
    /// <summary>The names as parameters of the scope, as loops have them.</summary>
    public abstract void Declare(NameScope scope);

    /// <summary>The target tied to the variables of a scope; a loop with a condition ties it twice.</summary>
    public abstract BoundTarget In(NameScope scope);

    public override void Bind(Binding binding)
    {
    }
}

internal abstract record BoundTarget
{
    public abstract void Assign(Rendering rendering, Frame frame, Value value);

    /// <summary>Refuses a value that has no attributes to set, before the assigned value is evaluated.</summary>
    public abstract void Check(Frame frame);

    public abstract IEnumerable<VariableReference> Names { get; }
}

internal sealed class NameTarget(string name, int line) : Target(line)
{
    public string Name => name;

    public override IEnumerable<Node> Children => [];

    public override void Collect(NameScope scope) => scope.Store(name);

    public override void Declare(NameScope scope) => scope.Declare(name);

    public override BoundTarget In(NameScope scope) => new Bound(scope.Reference(name));

    public override bool Mentions(string other) => false;

    private sealed record Bound(VariableReference Variable) : BoundTarget
    {
        public override IEnumerable<VariableReference> Names => [Variable];

        public override void Assign(Rendering rendering, Frame frame, Value value) => Variable.Set(frame, value);

        public override void Check(Frame frame)
        {
        }
    }
}

internal sealed class TupleTarget(IReadOnlyList<Target> items, int line) : Target(line)
{
    public override IEnumerable<Node> Children => items;

    public override void Declare(NameScope scope)
    {
        foreach (var item in items)
        {
            item.Declare(scope);
        }
    }

    public override BoundTarget In(NameScope scope) => new Bound([.. items.Select(item => item.In(scope))]);

    private sealed record Bound(IReadOnlyList<BoundTarget> Items) : BoundTarget
    {
        public override IEnumerable<VariableReference> Names => Items.SelectMany(item => item.Names);

        public override void Assign(Rendering rendering, Frame frame, Value value)
        {
            using var values = value.Iterate() ?? throw TemplateError.Type($"cannot unpack non-iterable {value.TypeName} object");
            var taken = new List<Value>();
            while (taken.Count <= Items.Count && values.MoveNext())
            {
                taken.Add(values.Current);
            }

            if (taken.Count != Items.Count)
            {
                throw TemplateError.Value(taken.Count > Items.Count
                    ? $"too many values to unpack (expected {Items.Count})"
                    : $"not enough values to unpack (expected {Items.Count}, got {taken.Count})");
            }

            for (var index = 0; index < taken.Count; index++)
            {
                Items[index].Assign(rendering, frame, taken[index]);
            }
        }

        public override void Check(Frame frame)
        {
            foreach (var item in Items)
            {
                item.Check(frame);
            }
        }
    }
}

/// <summary>namespace.attribute.</summary>
internal sealed class AttributeTarget(string name, string attribute, int line) : Target(line)
{
    public override IEnumerable<Node> Children => [];

    public override void Collect(NameScope scope) => scope.Read(name);

    public override void Declare(NameScope scope) => scope.Read(name);

    public override BoundTarget In(NameScope scope) => new Bound(scope.Reference(name), attribute);

    public override bool Mentions(string other) => name == other;

    private sealed record Bound(VariableReference Variable, string Attribute) : BoundTarget
    {
        public override IEnumerable<VariableReference> Names => [];

        public override void Assign(Rendering rendering, Frame frame, Value value) => Namespace(frame).Set(Attribute, value);

        public override void Check(Frame frame) => Namespace(frame);

        private NamespaceValue Namespace(Frame frame) => Variable.Get(frame) as NamespaceValue
            ?? throw TemplateError.Value("cannot assign attribute on non-namespace object");
    }
}
