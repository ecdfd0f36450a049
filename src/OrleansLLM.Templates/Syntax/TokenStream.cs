namespace OrleansLLM.Templates.Syntax;

/// <summary>The tokens, one after the other.</summary>
internal sealed class TokenStream(IReadOnlyList<Token> tokens)
{
    // Chains such as a.b.c are as deep in the tree as they are long.
    private const int MaxChain = 500;

    private int _next;

    public Token Current => tokens[Math.Min(_next, tokens.Count - 1)];

    public Token Ahead => tokens[Math.Min(_next + 1, tokens.Count - 1)];

    public Token Take()
    {
        var token = Current;
        _next++;
        return token;
    }

    public bool Skip(string operation) => SkipIf(Current.IsOperator(operation));

    public bool SkipName(string name) => SkipIf(Current.IsName(name));

    public Token Expect(TokenKind kind) => Current.Kind == kind
        ? Take()
        : throw Fail($"expected {new Token(kind, "name", 0).Describe()}, got '{Current.Describe()}'");

    public void Expect(string operation)
    {
        if (!Skip(operation))
        {
            throw Fail($"expected token '{operation}', got '{Current.Describe()}'");
        }
    }

    public void ExpectName(string name)
    {
        if (!SkipName(name))
        {
            throw Fail($"expected token '{name}', got '{Current.Describe()}'");
        }
    }

    public TemplateException Fail(string message) => Fail(message, Current.Line);

    public static TemplateException Fail(string message, int line) => new(TemplateFailure.Syntax, message, line);

    /// <summary>Refuses a chain that would nest the tree too deeply.</summary>
    /// <param name="parts">How many parts it has so far.</param>
    public void LimitChain(int parts)
    {
        if (parts > MaxChain)
        {
            throw Fail($"a chain of more than {MaxChain} parts");
        }
    }

    private bool SkipIf(bool matches)
    {
        _next += matches ? 1 : 0;
        return matches;
    }
}
