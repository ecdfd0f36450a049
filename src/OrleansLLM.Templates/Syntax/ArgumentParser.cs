using OrleansLLM.Templates.Nodes;

namespace OrleansLLM.Templates.Syntax;

/// <summary>Reads the arguments of one call: positional ones, name=value, *more, **moreKeywords, in the orders that Jinja takes.</summary>
internal sealed class ArgumentParser
{
    private readonly TokenStream _tokens;
    private readonly ExpressionParser _expressions;
    private readonly int _line;
    private readonly List<Expression> _positional = [];
    private readonly List<(string Name, Expression Value)> _keywords = [];
    private Expression? _more;
    private Expression? _moreKeywords;

    private ArgumentParser(TokenStream tokens, ExpressionParser expressions) =>
        (_tokens, _expressions, _line) = (tokens, expressions, tokens.Current.Line);

    public static ArgumentList Read(TokenStream tokens, ExpressionParser expressions)
    {
        var arguments = new ArgumentParser(tokens, expressions);
        arguments.ReadAll();
        return new(arguments._positional, arguments._keywords, arguments._more, arguments._moreKeywords);
    }

    private void ReadAll()
    {
        _tokens.Expect("(");
        while (!_tokens.Skip(")"))
        {
            ReadOne();
            if (!_tokens.Skip(","))
            {
                _tokens.Expect(")");
                break;
            }
        }
    }

    private void ReadOne()
    {
        if (_tokens.Skip("*"))
        {
            Ensure(_more is null && _moreKeywords is null);
            _more = _expressions.Expression();
        }
        else if (_tokens.Skip("**"))
        {
            Ensure(_moreKeywords is null);
            _moreKeywords = _expressions.Expression();
        }
        else if (_tokens.Current.Kind == TokenKind.Name && _tokens.Ahead.IsOperator("="))
        {
            ReadKeyword();
        }
        else
        {
            Ensure(_more is null && _moreKeywords is null && _keywords.Count == 0);
            _positional.Add(_expressions.Expression());
        }
    }

    private void ReadKeyword()
    {
        Ensure(_moreKeywords is null);
        var name = _tokens.Take().Text;
        _tokens.Expect("=");
        Ensure(!_keywords.Exists(keyword => keyword.Name == name));
        _keywords.Add((name, _expressions.Expression()));
    }

    private void Ensure(bool valid)
    {
        if (!valid)
        {
            throw TokenStream.Fail("invalid syntax for function call expression", _line);
        }
    }
}
