using OrleansLLM.Templates.Nodes;
using OrleansLLM.Templates.Values;

namespace OrleansLLM.Templates.Syntax;

/// <summary>Reads what a tag assigns to.</summary>
internal sealed class TargetParser(TokenStream tokens, ExpressionParser expressions)
{
    /// <summary>One target, or several with commas: a tuple.</summary>
    /// <param name="end">A name that ends it, besides the end of the tag.</param>
    /// <param name="mayBeAttribute">Whether name.attribute is a target here.</param>
    public Target Read(string? end, bool mayBeAttribute)
    {
        var line = tokens.Current.Line;
        var items = new List<Target>();
        var isTuple = false;
        while (!expressions.IsTupleEnd(end))
        {
            items.Add(ReadSingle(mayBeAttribute));
            if (!tokens.Skip(","))
            {
                break;
            }

            isTuple = true;
        }

        if (items.Count == 0)
        {
            throw tokens.Fail($"Expected an expression, got '{tokens.Current.Describe()}'");
        }

        return isTuple ? new TupleTarget(items, line) : items[0];
    }

    public Target ReadSingle(bool mayBeAttribute)
    {
        Value.GuardStack();
        var line = tokens.Current.Line;
        if (tokens.Skip("("))
        {
            var inner = Read(null, mayBeAttribute);
            tokens.Expect(")");
            return inner;
        }

        if (tokens.Current.Kind == TokenKind.Name && tokens.Ahead.IsOperator(".") && mayBeAttribute)
        {
            var name = tokens.Take().Text;
            tokens.Take();
            return new AttributeTarget(name, tokens.Expect(TokenKind.Name).Text, line);
        }

        return new NameTarget(ReadName(), line);
    }

    /// <summary>A name that may be given to something.</summary>
    public string ReadName()
    {
        var token = tokens.Expect(TokenKind.Name);
        return token.Text is "true" or "True" or "false" or "False" or "none" or "None"
            ? throw TokenStream.Fail($"can't assign to '{token.Text}'", token.Line)
            : token.Text;
    }
}
