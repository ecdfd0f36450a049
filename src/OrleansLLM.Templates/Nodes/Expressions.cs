using OrleansLLM.Templates.Values;
using static System.FormattableString;

namespace OrleansLLM.Templates.Nodes;

internal sealed class ConstantExpression(Value value, int line) : Expression(line)
{
    public override IEnumerable<Node> Children => [];

    public override Value Evaluate(Rendering rendering, Frame frame) => value;
}

internal sealed class NameExpression(string name, int line) : Expression(line)
{
    private VariableReference? _variable;

    public string Name => name;

    public override IEnumerable<Node> Children => [];

    public override void Collect(NameScope scope) => scope.Read(name);

    public override void Bind(Binding binding) => _variable = binding.Scope.Reference(name);

    public override bool Mentions(string other) => name == other;

    public override Value Evaluate(Rendering rendering, Frame frame) => _variable!.Get(frame) ?? UndefinedValue.Name(name);
}

internal enum ListKind
{
    List,
    Tuple,
}

internal sealed class ListExpression(ListKind kind, IReadOnlyList<Expression> items, int line) : Expression(line)
{
    public ListKind Kind => kind;

    public override IReadOnlyList<Expression> Children => items;

    public override Value Evaluate(Rendering rendering, Frame frame)
    {
        rendering.Step(Line);
        rendering.Charge(items.Count);
        var values = items.Select(item => item.Evaluate(rendering, frame)).ToArray();
        return kind == ListKind.List ? new ListValue(values) : new TupleValue(values);
    }
}

internal sealed class DictExpression(IReadOnlyList<(Expression Key, Expression Value)> items, int line) : Expression(line)
{
    public override IEnumerable<Node> Children => items.SelectMany(item => new[] { item.Key, item.Value });

    public override Value Evaluate(Rendering rendering, Frame frame)
    {
        rendering.Step(Line);
        rendering.Charge(items.Count);
        var dict = new DictValue();
        foreach (var (key, value) in items)
        {
            dict.Set(key.Evaluate(rendering, frame), value.Evaluate(rendering, frame));
        }

        return dict;
    }
}

/// <summary>a if test else b.</summary>
internal sealed class ConditionalExpression(Expression test, Expression then, Expression? otherwise, int line) : Expression(line)
{
    public override IEnumerable<Node> Children => otherwise is null ? [test, then] : [test, then, otherwise];

    public override void Bind(Binding binding) => base.Bind(binding with { Checking = NameChecking.WhenReached });

    public override Value Evaluate(Rendering rendering, Frame frame)
    {
        rendering.Step(Line);
        if (test.Evaluate(rendering, frame).IsTrue)
        {
            return then.Evaluate(rendering, frame);
        }

        return otherwise?.Evaluate(rendering, frame) ?? new UndefinedValue(
            Invariant($"the inline if-expression on line {Line} evaluated to false and no else section was defined."));
    }
}

internal enum Junction
{
    And,
    Or,
}

/// <summary>a and b and c: the first that decides, or the last.</summary>
internal sealed class JunctionExpression(Junction junction, IReadOnlyList<Expression> items, int line) : Expression(line)
{
    public override IEnumerable<Node> Children => items;

    public override Value Evaluate(Rendering rendering, Frame frame)
    {
        rendering.Step(Line);
        for (var index = 0; ; index++)
        {
            var value = items[index].Evaluate(rendering, frame);
            if (index + 1 == items.Count || value.IsTrue == (junction == Junction.Or))
            {
                return value;
            }
        }
    }
}

internal sealed class UnaryExpression(string operation, Expression operand, int line) : Expression(line)
{
    public override IEnumerable<Node> Children => [operand];

    public override Value Evaluate(Rendering rendering, Frame frame)
    {
        rendering.Step(Line);
        var value = operand.Evaluate(rendering, frame);
        return operation switch
        {
            "not" => IntValue.Of(!value.IsTrue),
            "-" => Operators.Negate(value),
            _ => Operators.Plus(value),
        };
    }
}

/// <summary>a + b - c: operators of one rank, from the left.</summary>
internal sealed class BinaryExpression(Expression first, IReadOnlyList<(string Operation, Expression Operand)> rest, int line) : Expression(line)
{
    public override IEnumerable<Node> Children => [first, .. rest.Select(item => item.Operand)];

    public override Value Evaluate(Rendering rendering, Frame frame)
    {
        rendering.Step(Line);
        var value = first.Evaluate(rendering, frame);
        foreach (var (operation, operand) in rest)
        {
            var right = operand.Evaluate(rendering, frame);
            rendering.Step(Line);
            value = Operators.Apply(rendering, operation, value, right);
        }

        return value;
    }
}

/// <summary>a ~ b ~ c: texts one behind the other.</summary>
internal sealed class ConcatenationExpression(IReadOnlyList<Expression> items, int line) : Expression(line)
{
    public override IEnumerable<Node> Children => items;

    public override Value Evaluate(Rendering rendering, Frame frame)
    {
        rendering.Step(Line);
        var texts = items.Select(item => item.Evaluate(rendering, frame)).ToArray().Select(value => value.ToText()).ToArray();
        return Operators.Concatenate(rendering, texts);
    }
}

/// <summary>a &lt; b &lt;= c, also in and not in: true where all of them hold.</summary>
internal sealed class ComparisonExpression(Expression first, IReadOnlyList<(string Operation, Expression Operand)> rest, int line) : Expression(line)
{
    public override IEnumerable<Node> Children => [first, .. rest.Select(item => item.Operand)];

    public override Value Evaluate(Rendering rendering, Frame frame)
    {
        rendering.Step(Line);
        var left = first.Evaluate(rendering, frame);
        foreach (var (operation, operand) in rest)
        {
            var right = operand.Evaluate(rendering, frame);
            rendering.Step(Line);
            if (!Holds(operation, left, right))
            {
                return IntValue.False;
            }

            left = right;
        }

        return IntValue.True;
    }

    private static bool Holds(string operation, Value left, Value right) => operation switch
    {
        "==" => Equality.AreEqual(left, right),
        "!=" => !Equality.AreEqual(left, right),
        "in" => right.Contains(left),
        "not in" => !right.Contains(left),
        _ => Equality.Less(left, right, operation),
    };
}
