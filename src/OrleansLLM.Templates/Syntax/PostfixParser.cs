using OrleansLLM.Templates.Nodes;

namespace OrleansLLM.Templates.Syntax;

/// <summary>Reads what stands directly behind a value: .name, [key], [slice] and (arguments).</summary>
internal sealed class PostfixParser(TokenStream tokens, ExpressionParser expressions)
{
    public Expression Read(Expression value)
    {
        for (var chain = 0; ; chain++)
        {
            tokens.LimitChain(chain);
            var line = tokens.Current.Line;
            if (tokens.Skip("."))
            {
                var name = tokens.Take();
                value = name.Kind switch
                {
                    TokenKind.Name => new AttributeExpression(value, name.Text, line),
                    TokenKind.Integer => new ItemExpression(value, PrimaryParser.Number(name), line),
                    _ => throw TokenStream.Fail("expected name or number", name.Line),
                };
            }
            else if (tokens.Skip("["))
            {
                value = Subscript(value, line);
            }
            else if (tokens.Current.IsOperator("("))
            {
                value = new CallExpression(value, ArgumentParser.Read(tokens, expressions), line);
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

            items.Add(expressions.Expression());
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

        Expression? Bound() => tokens.Current.IsOperator(":") || tokens.Current.IsOperator("]") ? null : expressions.Expression();
    }
}
