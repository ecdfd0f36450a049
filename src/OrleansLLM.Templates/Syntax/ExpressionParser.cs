using OrleansLLM.Templates.Nodes;
using OrleansLLM.Templates.Values;

namespace OrleansLLM.Templates.Syntax;

internal enum Conditionals
{
    Allowed,
    Excluded,
}

/// <summary>Reads expressions, by recursive descent from the loosest operator to the tightest.</summary>
internal sealed class ExpressionParser
{
    private readonly TokenStream _tokens;
    private readonly PrimaryParser _primaries;
    private readonly PostfixParser _postfixes;

    public ExpressionParser(TokenStream tokens)
    {
        _tokens = tokens;
        _primaries = new(tokens, this);
        _postfixes = new(tokens, this);
        Filters = new(tokens, this);
    }

    /// <summary>Reads the filters and tests behind a value.</summary>
    public FilterParser Filters { get; }

    public Expression Expression(Conditionals conditionals = Conditionals.Allowed) =>
        conditionals == Conditionals.Allowed ? Conditional() : Or();

    /// <summary>One expression, or several with commas: a tuple.</summary>
    /// <param name="end">A name that ends it, besides the end of the tag.</param>
    public Expression Tuple(Conditionals conditionals = Conditionals.Allowed, string? end = null, bool mayBeEmpty = false)
    {
        var line = _tokens.Current.Line;
        var items = new List<Expression>();
        var isTuple = false;
        while (!IsTupleEnd(end))
        {
            items.Add(Expression(conditionals));
            if (!_tokens.Skip(","))
            {
                break;
            }

            isTuple = true;
        }

        if (!isTuple && items.Count == 1)
        {
            return items[0];
        }

        return isTuple || mayBeEmpty
            ? new ListExpression(ListKind.Tuple, items, line)
            : throw _tokens.Fail($"Expected an expression, got '{_tokens.Current.Describe()}'");
    }

    public bool IsTupleEnd(string? end) => _tokens.Current.Kind is TokenKind.BlockEnd or TokenKind.PrintEnd
        || _tokens.Current.IsOperator(")") || (end is not null && _tokens.Current.IsName(end));

    /// <summary>A value without operators before it or filters behind it.</summary>
    public Expression Operand() => _postfixes.Read(_primaries.Read());

    private Expression Conditional()
    {
        Value.GuardStack();
        var line = _tokens.Current.Line;
        var value = Or();
        for (var chain = 0; _tokens.SkipName("if"); chain++)
        {
            _tokens.LimitChain(chain);
            var test = Or();
            var otherwise = _tokens.SkipName("else") ? Conditional() : null;
            value = new ConditionalExpression(test, value, otherwise, line);
        }

        return value;
    }

    private Expression Or() => Junction(Nodes.Junction.Or, "or", And);

    private Expression And() => Junction(Nodes.Junction.And, "and", Not);

    private Expression Junction(Junction junction, string name, Func<Expression> operand)
    {
        var line = _tokens.Current.Line;
        var first = operand();
        if (!_tokens.Current.IsName(name))
        {
            return first;
        }

        var items = new List<Expression> { first };
        while (_tokens.SkipName(name))
        {
            items.Add(operand());
        }

        return new JunctionExpression(junction, items, line);
    }

    private Expression Not()
    {
        Value.GuardStack();
        var line = _tokens.Current.Line;
        return _tokens.SkipName("not") ? new UnaryExpression("not", Not(), line) : Comparison();
    }

    private Expression Comparison()
    {
        var line = _tokens.Current.Line;
        var first = Sum();
        var rest = new List<(string, Expression)>();
        while (true)
        {
            var current = _tokens.Current;
            if (current.Kind == TokenKind.Operator && current.Text is "==" or "!=" or "<" or "<=" or ">" or ">=")
            {
                _tokens.Take();
                rest.Add((current.Text, Sum()));
            }
            else if (_tokens.SkipName("in"))
            {
                rest.Add(("in", Sum()));
            }
            else if (current.IsName("not") && _tokens.Ahead.IsName("in"))
            {
                _tokens.Take();
                _tokens.Take();
                rest.Add(("not in", Sum()));
            }
            else
            {
                return rest.Count == 0 ? first : new ComparisonExpression(first, rest, line);
            }
        }
    }

    private Expression Sum() => Chain(Concatenation, "+", "-");

    private Expression Concatenation()
    {
        var line = _tokens.Current.Line;
        var items = new List<Expression> { Product() };
        while (_tokens.Skip("~"))
        {
            items.Add(Product());
        }

        return items.Count == 1 ? items[0] : new ConcatenationExpression(items, line);
    }

    private Expression Product() => Chain(Power, "*", "/", "//", "%");

    private Expression Power() => Chain(FilteredUnary, "**");

    private Expression Chain(Func<Expression> operand, params ReadOnlySpan<string> operations)
    {
        var line = _tokens.Current.Line;
        var first = operand();
        List<(string, Expression)>? rest = null;
        while (_tokens.Current.Kind == TokenKind.Operator && operations.Contains(_tokens.Current.Text))
        {
            var operation = _tokens.Take().Text;
            (rest ??= []).Add((operation, operand()));
        }

        return rest is null ? first : new BinaryExpression(first, rest, line);
    }

    private Expression FilteredUnary() => Filters.ReadFiltersAndTests(Unary());

    private Expression Unary()
    {
        Value.GuardStack();
        var token = _tokens.Current;
        if (!token.IsOperator("-") && !token.IsOperator("+"))
        {
            return Operand();
        }

        _tokens.Take();
        return new UnaryExpression(token.Text, Unary(), token.Line);
    }
}
