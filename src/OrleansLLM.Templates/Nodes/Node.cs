using OrleansLLM.Templates.Values;

namespace OrleansLLM.Templates.Nodes;

/// <summary>
/// A part of the compiled tree. The parser makes it; <see cref="Collect"/> finds the names of its scope, then <see cref="Bind"/> ties each
/// name to a variable and each filter and test to its row; from then on it never changes.
/// </summary>
internal abstract class Node(int line)
{
    public int Line => line;

    /// <summary>The nodes within, in the order in which they are looked at for names.</summary>
    public abstract IEnumerable<Node> Children { get; }

    public virtual void Collect(NameScope scope)
    {
        Value.GuardStack();
        foreach (var child in Children)
        {
            child.Collect(scope);
        }
    }

    public virtual void Bind(Binding binding)
    {
        Value.GuardStack();
        foreach (var child in Children)
        {
            child.Bind(binding);
        }
    }

    /// <summary>Whether a name is read in here before it is set.</summary>
    public virtual bool Mentions(string name)
    {
        Value.GuardStack();
        return Children.Any(child => child.Mentions(name));
    }

    protected TemplateException Fail(TemplateError error) => new(error.Failure, error.Message, line);
}

/// <summary>Where a node stands.</summary>
/// <param name="Scope">The scope's names, complete.</param>
/// <param name="Level">Outside of all scopes a `set` is seen by blocks too.</param>
/// <param name="Checking">Inside of an `if` an unknown filter or test fails only when it is reached.</param>
/// <param name="Loop">Whether `break` and `continue` have a loop here.</param>
internal sealed record Binding(NameScope Scope, ScopeLevel Level, NameChecking Checking, LoopPlace Loop)
{
    public Binding Inner(NameScope scope) => this with { Scope = scope, Level = ScopeLevel.Inner, Checking = NameChecking.AtOnce };
}

internal enum ScopeLevel
{
    Top,
    Inner,
}

internal enum NameChecking
{
    AtOnce,
    WhenReached,
}

internal enum LoopPlace
{
    Outside,
    Inside,
}

/// <summary>A part that has a value.</summary>
internal abstract class Expression(int line) : Node(line)
{
    public abstract Value Evaluate(Rendering rendering, Frame frame);
}

/// <summary>A part that prints or assigns.</summary>
internal abstract class Statement(int line) : Node(line)
{
    public abstract Flow Execute(Rendering rendering, Frame frame);
}

/// <summary>How a statement ended.</summary>
internal enum Flow
{
    Next,
    Break,
    Continue,
}

/// <summary>Statements one after the other.</summary>
internal sealed class Body(IReadOnlyList<Statement> statements) : Node(statements.Count == 0 ? 0 : statements[0].Line)
{
    public override IEnumerable<Node> Children => statements;

    public Flow Execute(Rendering rendering, Frame frame)
    {
        foreach (var statement in statements)
        {
            rendering.Step(statement.Line);
            var flow = statement.Execute(rendering, frame);
            if (flow != Flow.Next)
            {
                return flow;
            }
        }

        return Flow.Next;
    }
}
