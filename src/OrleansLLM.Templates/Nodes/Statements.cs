using OrleansLLM.Templates.Values;

namespace OrleansLLM.Templates.Nodes;

/// <summary>The template's own text.</summary>
internal sealed class DataStatement(string text, int line) : Statement(line)
{
    public override IEnumerable<Node> Children => [];

    public override Flow Execute(Rendering rendering, Frame frame)
    {
        rendering.Print(text);
        return Flow.Next;
    }
}

/// <summary>{{ expression }}, and {% print a, b %}.</summary>
internal sealed class PrintStatement(IReadOnlyList<Expression> items, int line) : Statement(line)
{
    public override IEnumerable<Node> Children => items;

    public override Flow Execute(Rendering rendering, Frame frame)
    {
        foreach (var item in items)
        {
            rendering.Print(item.Evaluate(rendering, frame));
        }

        return Flow.Next;
    }
}

internal sealed class IfStatement(
    Expression test, Body then, IReadOnlyList<(Expression Test, Body Then)> others, Body? otherwise, int line) : Statement(line)
{
    public override IEnumerable<Node> Children =>
        [test, then, .. others.SelectMany(other => new Node[] { other.Test, other.Then }), .. otherwise is null ? [] : new[] { otherwise }];

    public override void Collect(NameScope scope)
    {
        test.Collect(scope);
        scope.Branch(
            then.Collect,
            others => CollectOthers(others),
            branch => otherwise?.Collect(branch));
    }

    public override void Bind(Binding binding) => base.Bind(binding with { Checking = NameChecking.WhenReached });

    public override Flow Execute(Rendering rendering, Frame frame)
    {
        if (test.Evaluate(rendering, frame).IsTrue)
        {
            return then.Execute(rendering, frame);
        }

        foreach (var (otherTest, otherThen) in others)
        {
            if (otherTest.Evaluate(rendering, frame).IsTrue)
            {
                return otherThen.Execute(rendering, frame);
            }
        }

        return otherwise?.Execute(rendering, frame) ?? Flow.Next;
    }

    private void CollectOthers(NameScope scope)
    {
        foreach (var (otherTest, otherThen) in others)
        {
            otherTest.Collect(scope);
            scope.Branch(otherThen.Collect);
        }
    }
}

internal sealed class SetStatement(Target target, Expression value, int line) : Statement(line)
{
    private BoundTarget? _target;
    private bool _exports;

    public override IEnumerable<Node> Children => [value, target];

    public override void Bind(Binding binding)
    {
        base.Bind(binding);
        _target = target.In(binding.Scope);
        _exports = binding.Level == ScopeLevel.Top;
    }

    public override Flow Execute(Rendering rendering, Frame frame)
    {
        _target!.Check(frame);
        _target.Assign(rendering, frame, value.Evaluate(rendering, frame));
        if (_exports)
        {
            Export(rendering, frame, _target);
        }

        return Flow.Next;
    }

    public static void Export(Rendering rendering, Frame frame, BoundTarget target)
    {
        foreach (var name in target.Names)
        {
            rendering.Export(name.Name, name.Get(frame)!);
        }
    }
}

/// <summary>{% set name %}...{% endset %}, with filters or without.</summary>
internal sealed class SetBlockStatement(Target target, Expression captured, Body body, int line) : Statement(line)
{
    private BoundTarget? _target;
    private ScopeEntry? _entry;
    private bool _exports;

    public override IEnumerable<Node> Children => [captured, body, target];

    public override void Collect(NameScope scope) => target.Collect(scope);

    public override void Bind(Binding binding)
    {
        var inner = binding.Scope.Inner();
        body.Collect(inner);
        captured.Collect(inner);
        _entry = inner.Entry();
        body.Bind(binding.Inner(inner));
        captured.Bind(binding.Inner(inner));
        _target = target.In(binding.Scope);
        _exports = binding.Level == ScopeLevel.Top;
    }

    public override Flow Execute(Rendering rendering, Frame frame)
    {
        _entry!.Enter(rendering, frame);
        var outer = rendering.BeginCapture();
        var flow = body.Execute(rendering, frame);
        rendering.Captured = rendering.EndCapture(outer);
        if (flow == Flow.Next)
        {
            _target!.Assign(rendering, frame, captured.Evaluate(rendering, frame));
            if (_exports)
            {
                SetStatement.Export(rendering, frame, _target);
            }
        }

        _entry.Leave(frame);
        return flow;
    }
}

/// <summary>{% filter name %}...{% endfilter %}.</summary>
internal sealed class FilterStatement(Expression captured, Body body, int line) : Statement(line)
{
    private ScopeEntry? _entry;

    public override IEnumerable<Node> Children => [body, captured];

    public override void Collect(NameScope scope) => captured.Collect(scope);

    public override void Bind(Binding binding)
    {
        var inner = binding.Scope.Inner();
        body.Collect(inner);
        captured.Collect(inner);
        _entry = inner.Entry();
        base.Bind(binding.Inner(inner));
    }

    public override Flow Execute(Rendering rendering, Frame frame)
    {
        _entry!.Enter(rendering, frame);
        var outer = rendering.BeginCapture();
        var flow = body.Execute(rendering, frame);
        rendering.Captured = rendering.EndCapture(outer);
        if (flow == Flow.Next)
        {
            var filtered = captured.Evaluate(rendering, frame);
            rendering.Print(filtered as TextValue ?? throw TemplateError.Type($"expected str instance, {filtered.TypeName} found"));
        }

        _entry.Leave(frame);
        return flow;
    }
}

internal sealed class WithStatement(IReadOnlyList<(Target Target, Expression Value)> variables, Body body, int line) : Statement(line)
{
    private ScopeEntry? _entry;
    private BoundTarget[] _targets = [];

    public override IEnumerable<Node> Children => [.. variables.Select(variable => variable.Value), body];

    public override void Collect(NameScope scope)
    {
        foreach (var (_, value) in variables)
        {
            value.Collect(scope);
        }
    }

    public override void Bind(Binding binding)
    {
        var inner = binding.Scope.Inner();
        foreach (var (target, value) in variables)
        {
            target.Declare(inner);
            value.Bind(binding);
        }

        body.Collect(inner);
        _entry = inner.Entry();
        _targets = [.. variables.Select(variable => variable.Target.In(inner))];
        body.Bind(binding.Inner(inner));
    }

    public override Flow Execute(Rendering rendering, Frame frame)
    {
        _entry!.Enter(rendering, frame);
        for (var index = 0; index < _targets.Length; index++)
        {
            _targets[index].Assign(rendering, frame, variables[index].Value.Evaluate(rendering, frame));
        }

        var flow = body.Execute(rendering, frame);
        _entry.Leave(frame);
        return flow;
    }
}

/// <summary>{% break %} and {% continue %}.</summary>
internal sealed class JumpStatement(Flow flow, int line) : Statement(line)
{
    public override IEnumerable<Node> Children => [];

    public override void Bind(Binding binding)
    {
        if (binding.Loop == LoopPlace.Outside)
        {
            throw Fail(TemplateError.Syntax($"'{(flow == Flow.Break ? "break" : "continue")}' outside loop"));
        }
    }

    public override Flow Execute(Rendering rendering, Frame frame) => flow;
}

/// <summary>include, import, from and extends: there is nothing to load from.</summary>
internal sealed class LoadStatement(string tag, IReadOnlyList<string> names, int line) : Statement(line)
{
    public override IEnumerable<Node> Children => [];

    public override void Collect(NameScope scope)
    {
        foreach (var name in names)
        {
            scope.Store(name);
        }
    }

    public override Flow Execute(Rendering rendering, Frame frame) =>
        throw TemplateError.Type($"'{tag}' needs other templates, and a chat template has none; put all into one file");
}
