using OrleansLLM.Templates.Library;
using OrleansLLM.Templates.Values;

namespace OrleansLLM.Templates.Nodes;

/// <summary>The arguments of a call, a filter or a test.</summary>
internal sealed class ArgumentList(
    IReadOnlyList<Expression> positional, IReadOnlyList<(string Name, Expression Value)> keywords, Expression? more, Expression? moreKeywords)
{
    public static readonly ArgumentList None = new([], [], null, null);

    public IEnumerable<Node> Children
    {
        get
        {
            IEnumerable<Expression?> all = [.. positional, .. keywords.Select(keyword => keyword.Value), more, moreKeywords];
            return all.OfType<Node>();
        }
    }

    public Arguments Evaluate(Rendering rendering, Frame frame)
    {
        if (positional.Count == 0 && keywords.Count == 0 && more is null && moreKeywords is null)
        {
            return Arguments.None;
        }

        rendering.Charge(positional.Count + keywords.Count);
        var values = positional.Select(item => item.Evaluate(rendering, frame)).ToList();
        if (more is not null)
        {
            values.AddRange(more.Evaluate(rendering, frame).ToList(rendering));
        }

        var named = keywords.Select(keyword => KeyValuePair.Create(keyword.Name, keyword.Value.Evaluate(rendering, frame))).ToList();
        if (moreKeywords is not null)
        {
            var mapping = moreKeywords.Evaluate(rendering, frame) as DictValue
                ?? throw TemplateError.Type("argument after ** must be a mapping");
            rendering.Charge(mapping.Items.Count);
            named.AddRange(mapping.Items.Select(pair => KeyValuePair.Create(Methods.Text(pair.Key).Text, pair.Value)));
        }

        return new(values, named);
    }
}

/// <summary>target.name.</summary>
internal sealed class AttributeExpression(Expression target, string name, int line) : Expression(line)
{
    public override IEnumerable<Node> Children => [target];

    public override Value Evaluate(Rendering rendering, Frame frame)
    {
        rendering.Step(Line);
        return Access.Attribute(target.Evaluate(rendering, frame), name);
    }
}

/// <summary>target[key].</summary>
internal sealed class ItemExpression(Expression target, Expression key, int line) : Expression(line)
{
    public override IEnumerable<Node> Children => [target, key];

    public override Value Evaluate(Rendering rendering, Frame frame)
    {
        rendering.Step(Line);
        var value = target.Evaluate(rendering, frame);
        return Access.Item(value, key.Evaluate(rendering, frame));
    }
}

/// <summary>target[start:stop:step].</summary>
internal sealed class SliceExpression(Expression target, Expression? start, Expression? stop, Expression? step, int line) : Expression(line)
{
    public override IEnumerable<Node> Children => new[] { target, start, stop, step }.OfType<Node>();

    public override Value Evaluate(Rendering rendering, Frame frame)
    {
        rendering.Step(Line);
        var value = target.Evaluate(rendering, frame);
        rendering.Charge((value as TextValue)?.Text.Length / Rendering.CharactersPerStep ?? value.Length ?? 0);
        return value.Slice(Bound(start), Bound(stop), Bound(step));

        Value Bound(Expression? given) => given?.Evaluate(rendering, frame) ?? NoneValue.Instance;
    }
}

internal sealed class CallExpression(Expression target, ArgumentList arguments, int line) : Expression(line)
{
    public override IEnumerable<Node> Children => [target, .. arguments.Children];

    public override void Bind(Binding binding)
    {
        base.Bind(binding);
        if (target is NameExpression { Name: var name })
        {
            try
            {
                Globals.RefuseUnbuilt(name);
            }
            catch (TemplateError error)
            {
                throw Fail(error);
            }
        }
    }

    public override Value Evaluate(Rendering rendering, Frame frame) => Call(rendering, frame, null);

    /// <param name="caller">The body of a call block, handed over as `caller`.</param>
    public Value Call(Rendering rendering, Frame frame, Value? caller)
    {
        rendering.Step(Line);
        var function = target.Evaluate(rendering, frame);
        var given = arguments.Evaluate(rendering, frame);
        if (caller is not null)
        {
            given = given with { Keywords = [.. given.Keywords, KeyValuePair.Create("caller", caller)] };
        }

        rendering.Line = Line;
        using var call = rendering.Enter();
        return function.Call(rendering, given);
    }
}

/// <summary>target | name(...).</summary>
internal sealed class FilterExpression(Expression target, string name, ArgumentList arguments, int line) : Expression(line)
{
    private Filter? _filter;

    public override IEnumerable<Node> Children => [target, .. arguments.Children];

    public override void Bind(Binding binding)
    {
        base.Bind(binding);
        try
        {
            _filter = Filters.Find(name);
        }
        catch (TemplateError error)
        {
            throw Fail(error);
        }

        if (_filter is null && binding.Checking == NameChecking.AtOnce)
        {
            throw Fail(TemplateError.Syntax($"No filter named '{name}'."));
        }
    }

    public override Value Evaluate(Rendering rendering, Frame frame)
    {
        rendering.Step(Line);
        var value = target.Evaluate(rendering, frame);
        var given = arguments.Evaluate(rendering, frame);
        rendering.Line = Line;
        return (_filter ?? throw TemplateError.Value($"No filter named '{name}' found.")).Apply(rendering, value, given);
    }
}

/// <summary>What the body of a block printed, as the first target of its filters.</summary>
internal sealed class CapturedExpression(int line) : Expression(line)
{
    public override IEnumerable<Node> Children => [];

    public override Value Evaluate(Rendering rendering, Frame frame) => rendering.Captured;
}

/// <summary>target is name(...).</summary>
internal sealed class TestExpression(Expression target, string name, ArgumentList arguments, int line) : Expression(line)
{
    private Test? _test;

    public override IEnumerable<Node> Children => [target, .. arguments.Children];

    public override void Bind(Binding binding)
    {
        base.Bind(binding);
        _test = Tests.Find(name);
        if (_test is null && binding.Checking == NameChecking.AtOnce)
        {
            throw Fail(TemplateError.Syntax($"No test named '{name}'."));
        }
    }

    public override Value Evaluate(Rendering rendering, Frame frame)
    {
        rendering.Step(Line);
        var value = target.Evaluate(rendering, frame);
        var given = arguments.Evaluate(rendering, frame);
        return IntValue.Of((_test ?? throw TemplateError.Value($"No test named '{name}' found.")).Holds(rendering, value, given));
    }
}
