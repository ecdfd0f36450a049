using OrleansLLM.Text.Templates.Nodes;
using OrleansLLM.Text.Templates.Values;

namespace OrleansLLM.Text.Templates.Syntax;

internal enum Conditionals
{
    Allowed,
    Excluded,
}

/// <summary>Reads expressions, by recursive descent from the loosest operator to the tightest.</summary>
internal sealed class ExpressionParser(TokenStream tokens)
{
    // Chains such as a.b.c are as deep in the tree as they are long.
    private const int MaxChain = 500;

    public Expression Expression(Conditionals conditionals = Conditionals.Allowed) =>
        conditionals == Conditionals.Allowed ? Conditional() : Or();

    /// <summary>One expression, or several with commas: a tuple.</summary>
    /// <param name="end">A name that ends it, besides the end of the tag.</param>
    public Expression Tuple(Conditionals conditionals = Conditionals.Allowed, string? end = null, bool mayBeEmpty = false)
    {
        var line = tokens.Current.Line;
        var items = new List<Expression>();
        var isTuple = false;
        while (!IsTupleEnd(end))
        {
            items.Add(Expression(conditionals));
            if (!tokens.Skip(","))
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
            : throw tokens.Fail($"Expected an expression, got '{tokens.Current.Describe()}'");
    }

    public bool IsTupleEnd(string? end) => tokens.Current.Kind is TokenKind.BlockEnd or TokenKind.PrintEnd
        || tokens.Current.IsOperator(")") || (end is not null && tokens.Current.IsName(end));

    /// <summary>The filters that follow, without the bar before the first where a filter block names it.</summary>
    public Expression Filters(Expression target)
    {
        for (var chain = 0; tokens.Skip("|"); chain++)
        {
            Limit(chain);
            target = Filter(target);
        }

        return target;
    }

    public Expression Filter(Expression target)
    {
        var line = tokens.Current.Line;
        var name = DottedName();
        return new FilterExpression(target, name, tokens.Current.IsOperator("(") ? Arguments() : ArgumentList.None, line);
    }

    private Expression Conditional()
    {
        Value.GuardStack();
        var line = tokens.Current.Line;
        var value = Or();
        for (var chain = 0; tokens.SkipName("if"); chain++)
        {
            Limit(chain);
            var test = Or();
            var otherwise = tokens.SkipName("else") ? Conditional() : null;
            value = new ConditionalExpression(test, value, otherwise, line);
        }

        return value;
    }

    private Expression Or() => Junction(Nodes.Junction.Or, "or", And);

    private Expression And() => Junction(Nodes.Junction.And, "and", Not);

    private Expression Junction(Junction junction, string name, Func<Expression> operand)
    {
        var line = tokens.Current.Line;
        var first = operand();
        if (!tokens.Current.IsName(name))
        {
            return first;
        }

        var items = new List<Expression> { first };
        while (tokens.SkipName(name))
        {
            items.Add(operand());
        }

        return new JunctionExpression(junction, items, line);
    }

    private Expression Not()
    {
        Value.GuardStack();
        var line = tokens.Current.Line;
        return tokens.SkipName("not") ? new UnaryExpression("not", Not(), line) : Comparison();
    }

    private Expression Comparison()
    {
        var line = tokens.Current.Line;
        var first = Sum();
        var rest = new List<(string, Expression)>();
        while (true)
        {
            var current = tokens.Current;
            if (current.Kind == TokenKind.Operator && current.Text is "==" or "!=" or "<" or "<=" or ">" or ">=")
            {
                tokens.Take();
                rest.Add((current.Text, Sum()));
            }
            else if (tokens.SkipName("in"))
            {
                rest.Add(("in", Sum()));
            }
            else if (current.IsName("not") && tokens.Ahead.IsName("in"))
            {
                tokens.Take();
                tokens.Take();
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
        var line = tokens.Current.Line;
        var items = new List<Expression> { Product() };
        while (tokens.Skip("~"))
        {
            items.Add(Product());
        }

        return items.Count == 1 ? items[0] : new ConcatenationExpression(items, line);
    }

    private Expression Product() => Chain(Power, "*", "/", "//", "%");

    private Expression Power() => Chain(() => Unary(withFilters: true), "**");

    private Expression Chain(Func<Expression> operand, params ReadOnlySpan<string> operations)
    {
        var line = tokens.Current.Line;
        var first = operand();
        List<(string, Expression)>? rest = null;
        while (tokens.Current.Kind == TokenKind.Operator && operations.Contains(tokens.Current.Text))
        {
            var operation = tokens.Take().Text;
            (rest ??= []).Add((operation, operand()));
        }

        return rest is null ? first : new BinaryExpression(first, rest, line);
    }

    private Expression Unary(bool withFilters)
    {
        Value.GuardStack();
        var token = tokens.Current;
        Expression value;
        if (token.IsOperator("-") || token.IsOperator("+"))
        {
            tokens.Take();
            value = new UnaryExpression(token.Text, Unary(withFilters: false), token.Line);
        }
        else
        {
            value = Primary();
        }

        value = Postfixes(value);
        return withFilters ? FiltersAndTests(value) : value;
    }

    private Expression FiltersAndTests(Expression value)
    {
        for (var chain = 0; ; chain++)
        {
            Limit(chain);
            if (tokens.Skip("|"))
            {
                value = Filter(value);
            }
            else if (tokens.SkipName("is"))
            {
                value = Test(value);
            }
            else if (tokens.Current.IsOperator("("))
            {
                value = new CallExpression(value, Arguments(), tokens.Current.Line);
            }
            else
            {
                return value;
            }
        }
    }

    private Expression Postfixes(Expression value)
    {
        for (var chain = 0; ; chain++)
        {
            Limit(chain);
            var line = tokens.Current.Line;
            if (tokens.Skip("."))
            {
                var name = tokens.Take();
                value = name.Kind switch
                {
                    TokenKind.Name => new AttributeExpression(value, name.Text, line),
                    TokenKind.Integer => new ItemExpression(value, Number(name), line),
                    _ => throw TokenStream.Fail("expected name or number", name.Line),
                };
            }
            else if (tokens.Skip("["))
            {
                value = Subscript(value, line);
            }
            else if (tokens.Current.IsOperator("("))
            {
                value = new CallExpression(value, Arguments(), line);
            }
            else
            {
                return value;
            }
        }
    }

    private Expression Subscript(Expression target, int line)
    {
        if (tokens.Current.IsOperator(":"))
        {
            return Slice(target, null, line);
        }

        var items = new List<Expression>();
        while (!tokens.Current.IsOperator("]"))
        {
            if (items.Count > 0)
            {
                tokens.Expect(",");
            }

            items.Add(Expression());
            if (tokens.Current.IsOperator(":"))
            {
                return items.Count == 1 ? Slice(target, items[0], line) : throw tokens.Fail("a slice among several keys");
            }
        }

        tokens.Take();
        return new ItemExpression(target, items.Count == 1 ? items[0] : new ListExpression(ListKind.Tuple, items, line), line);
    }

    private SliceExpression Slice(Expression target, Expression? start, int line)
    {
        tokens.Expect(":");
        var stop = Bound();
        var step = tokens.Skip(":") ? Bound() : null;
        tokens.Expect("]");
        return new(target, start, stop, step, line);

        Expression? Bound() => tokens.Current.IsOperator(":") || tokens.Current.IsOperator("]") ? null : Expression();
    }

    private Expression Test(Expression target)
    {
        var line = tokens.Current.Line;
        var negated = tokens.SkipName("not");
        var name = DottedName();
        var current = tokens.Current;
        var arguments = ArgumentList.None;
        if (current.IsOperator("("))
        {
            arguments = Arguments();
        }
        else if (current.Kind is TokenKind.Name or TokenKind.Text or TokenKind.Integer or TokenKind.Float
            || current.IsOperator("[") || current.IsOperator("{"))
        {
            if (current.IsName("is"))
            {
                throw tokens.Fail("You cannot chain multiple tests with is");
            }

            if (!current.IsName("else") && !current.IsName("or") && !current.IsName("and"))
            {
                arguments = new([Postfixes(Primary())], [], null, null);
            }
        }

        var test = new TestExpression(target, name, arguments, line);
        return negated ? new UnaryExpression("not", test, line) : test;
    }

    private string DottedName()
    {
        var name = tokens.Expect(TokenKind.Name).Text;
        while (tokens.Skip("."))
        {
            name += "." + tokens.Expect(TokenKind.Name).Text;
        }

        return name;
    }

    private Expression Primary()
    {
        var token = tokens.Take();
        switch (token.Kind)
        {
            case TokenKind.Name:
                return token.Text switch
                {
                    "true" or "True" => new ConstantExpression(IntValue.True, token.Line),
                    "false" or "False" => new ConstantExpression(IntValue.False, token.Line),
                    "none" or "None" => new ConstantExpression(NoneValue.Instance, token.Line),
                    _ => new NameExpression(token.Text, token.Line),
                };
            case TokenKind.Text:
                var text = token.Text;
                while (tokens.Current.Kind == TokenKind.Text)
                {
                    text += tokens.Take().Text;
                }

                return new ConstantExpression(new TextValue(text), token.Line);
            case TokenKind.Integer or TokenKind.Float:
                return Number(token);
            case TokenKind.Operator when token.Text == "(":
                var inner = Tuple(mayBeEmpty: true);
                tokens.Expect(")");
                return inner;
            case TokenKind.Operator when token.Text == "[":
                return List(token.Line);
            case TokenKind.Operator when token.Text == "{":
                return Dict(token.Line);
            default:
                throw TokenStream.Fail($"unexpected '{token.Describe()}'", token.Line);
        }
    }

    private static ConstantExpression Number(Token token)
    {
        try
        {
            return new(LiteralReader.Value(token), token.Line);
        }
        catch (TemplateError error)
        {
            throw TokenStream.Fail(error.Message, token.Line);
        }
    }

    private ListExpression List(int line)
    {
        var items = new List<Expression>();
        while (!tokens.Skip("]"))
        {
            items.Add(Expression());
            if (!tokens.Skip(","))
            {
                tokens.Expect("]");
                break;
            }
        }

        return new(ListKind.List, items, line);
    }

    private DictExpression Dict(int line)
    {
        var items = new List<(Expression, Expression)>();
        while (!tokens.Skip("}"))
        {
            var key = Expression();
            tokens.Expect(":");
            items.Add((key, Expression()));
            if (!tokens.Skip(","))
            {
                tokens.Expect("}");
                break;
            }
        }

        return new(items, line);
    }

    private ArgumentList Arguments()
    {
        var line = tokens.Current.Line;
        tokens.Expect("(");
        var positional = new List<Expression>();
        var keywords = new List<(string, Expression)>();
        Expression? more = null;
        Expression? moreKeywords = null;
        while (!tokens.Skip(")"))
        {
            if (tokens.Skip("*"))
            {
                Ensure(more is null && moreKeywords is null);
                more = Expression();
            }
            else if (tokens.Skip("**"))
            {
                Ensure(moreKeywords is null);
                moreKeywords = Expression();
            }
            else if (tokens.Current.Kind == TokenKind.Name && tokens.Ahead.IsOperator("="))
            {
                Ensure(moreKeywords is null);
                var name = tokens.Take().Text;
                tokens.Take();
                Ensure(!keywords.Exists(keyword => keyword.Item1 == name));
                keywords.Add((name, Expression()));
            }
            else
            {
                Ensure(more is null && moreKeywords is null && keywords.Count == 0);
                positional.Add(Expression());
            }

            if (!tokens.Skip(","))
            {
                tokens.Expect(")");
                break;
            }
        }

        return new(positional, keywords, more, moreKeywords);

        void Ensure(bool valid)
        {
            if (!valid)
            {
                throw TokenStream.Fail("invalid syntax for function call expression", line);
            }
        }
    }

    private void Limit(int chain)
    {
        if (chain > MaxChain)
        {
            throw tokens.Fail($"a chain of more than {MaxChain} parts");
        }
    }
}
