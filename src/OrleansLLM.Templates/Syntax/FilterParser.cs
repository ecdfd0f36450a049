using OrleansLLM.Templates.Nodes;

namespace OrleansLLM.Templates.Syntax;

/// <summary>Reads filters and tests: value | name(arguments), value is name argument.</summary>
internal sealed class FilterParser(TokenStream tokens, ExpressionParser expressions)
{
    /// <summary>The filters that follow, each behind its bar.</summary>
    public Expression ReadFilters(Expression target)
    {
        for (var chain = 0; tokens.Skip("|"); chain++)
        {
            tokens.LimitChain(chain);
            target = ReadFilter(target);
        }

        return target;
    }

    /// <summary>One filter, whose bar is behind us; a filter block's first has none.</summary>
    public Expression ReadFilter(Expression target)
    {
        var line = tokens.Current.Line;
        var name = DottedName();
        var arguments = tokens.Current.IsOperator("(") ? ArgumentParser.Read(tokens, expressions) : ArgumentList.None;
        return new FilterExpression(target, name, arguments, line);
    }

    /// <summary>The filters and tests that follow, and calls of what they return.</summary>
    public Expression ReadFiltersAndTests(Expression value)
    {
        for (var chain = 0; ; chain++)
        {
            tokens.LimitChain(chain);
            if (tokens.Skip("|"))
            {
                value = ReadFilter(value);
            }
            else if (tokens.SkipName("is"))
            {
                value = ReadTest(value);
            }
            else if (tokens.Current.IsOperator("("))
            {
                value = new CallExpression(value, ArgumentParser.Read(tokens, expressions), tokens.Current.Line);
            }
            else
            {
                return value;
            }
        }
    }

    private Expression ReadTest(Expression target)
    {
        var line = tokens.Current.Line;
        var negated = tokens.SkipName("not");
        var name = DottedName();
        var current = tokens.Current;
        var arguments = ArgumentList.None;
        if (current.IsOperator("("))
        {
            arguments = ArgumentParser.Read(tokens, expressions);
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
                arguments = new([expressions.Operand()], [], null, null);
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
}
