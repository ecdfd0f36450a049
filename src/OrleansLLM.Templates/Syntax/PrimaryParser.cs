using OrleansLLM.Templates.Nodes;
using OrleansLLM.Templates.Values;

namespace OrleansLLM.Templates.Syntax;

/// <summary>Reads what an expression is made of: constants, names, lists, dicts and whatever stands in parentheses.</summary>
internal sealed class PrimaryParser(TokenStream tokens, ExpressionParser expressions)
{
    public Expression Read()
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
                var parts = new List<string> { token.Text };
                while (tokens.Current.Kind == TokenKind.Text)
                {
                    parts.Add(tokens.Take().Text);
                }

                return new ConstantExpression(new TextValue(string.Concat(parts)), token.Line);
            case TokenKind.Integer or TokenKind.Float:
                return Number(token);
            case TokenKind.Operator when token.Text == "(":
                var inner = expressions.Tuple(mayBeEmpty: true);
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

    public static ConstantExpression Number(Token token)
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
            items.Add(expressions.Expression());
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
            var key = expressions.Expression();
            tokens.Expect(":");
            items.Add((key, expressions.Expression()));
            if (!tokens.Skip(","))
            {
                tokens.Expect("}");
                break;
            }
        }

        return new(items, line);
    }
}
