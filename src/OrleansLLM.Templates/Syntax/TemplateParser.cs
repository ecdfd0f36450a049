using OrleansLLM.Templates.Nodes;
using OrleansLLM.Templates.Values;

namespace OrleansLLM.Templates.Syntax;

/// <summary>Reads a template: text, print statements and tags. To add a tag, write its statement and a row of <see cref="_tags"/>.</summary>
internal sealed class TemplateParser
{
    private readonly TokenStream _tokens;
    private readonly ExpressionParser _expressions;
    private readonly TargetParser _targets;
    private readonly Dictionary<string, Func<int, Statement>> _tags;
    private readonly HashSet<string> _blocks = [];

    private TemplateParser(TokenStream tokens)
    {
        _tokens = tokens;
        _expressions = new(tokens);
        _targets = new(tokens, _expressions);
        var loads = new LoadParser(tokens, _expressions, _targets);
        _tags = new()
        {
            ["autoescape"] = NotBuilt("autoescape"),
            ["block"] = Block,
            ["break"] = line => new JumpStatement(Flow.Break, line),
            ["call"] = Call,
            ["continue"] = line => new JumpStatement(Flow.Continue, line),
            ["extends"] = line => loads.Load("extends", line),
            ["filter"] = Filter,
            ["for"] = For,
            ["from"] = loads.From,
            ["generation"] = line => new GenerationStatement(new(null, [], [], Until("endgeneration"), line), line),
            ["if"] = If,
            ["import"] = loads.Import,
            ["include"] = line => loads.Load("include", line),
            ["macro"] = Macro,
            ["print"] = Print,
            ["set"] = Set,
            ["with"] = With,
        };
    }

    public static IReadOnlyCollection<string> TagNames => new TemplateParser(new TokenStream([]))._tags.Keys;

    public static Body Parse(string source)
    {
        var tokens = new TokenStream(Lexer.Run(source));
        try
        {
            return new TemplateParser(tokens).Statements([]).Body;
        }
        catch (TemplateError error)
        {
            throw new TemplateException(error.Failure, error.Message, tokens.Current.Line);
        }
    }

    /// <summary>Statements up to a tag of one of these names, which is taken; none: up to the end.</summary>
    private (Body Body, string End) Statements(string[] ends)
    {
        Value.GuardStack();
        var statements = new List<Statement>();
        while (true)
        {
            var token = _tokens.Take();
            switch (token.Kind)
            {
                case TokenKind.Data:
                    statements.Add(new DataStatement(token.Text, token.Line));
                    break;
                case TokenKind.PrintBegin:
                    statements.Add(new PrintStatement([_expressions.Tuple()], token.Line));
                    _tokens.Expect(TokenKind.PrintEnd);
                    break;
                case TokenKind.BlockBegin when _tokens.Current.Kind == TokenKind.Name && ends.Contains(_tokens.Current.Text):
                    return (new Body(statements), _tokens.Take().Text);
                case TokenKind.BlockBegin:
                    statements.Add(Tag(token.Line, ends));
                    _tokens.Expect(TokenKind.BlockEnd);
                    break;
                default:
                    return ends.Length == 0 ? (new Body(statements), "") : throw TokenStream.Fail(
                        $"Unexpected end of template. Jinja was looking for the following tags: {Names(ends)}.", token.Line);
            }
        }
    }

    private Statement Tag(int line, string[] ends)
    {
        if (_tokens.Current.Kind != TokenKind.Name)
        {
            throw _tokens.Fail("tag name expected");
        }

        var name = _tokens.Take().Text;
        if (!_tags.TryGetValue(name, out var parse))
        {
            var wanted = ends.Length == 0 ? "" : $" Jinja was looking for the following tags: {Names(ends)}.";
            throw TokenStream.Fail($"Encountered unknown tag '{name}'.{wanted}", line);
        }

        return parse(line);
    }

    private static string Names(string[] ends) => string.Join(" or ", ends.Select(end => $"'{end}'"));

    private Body Until(string end) => Until([end]).Body;

    private (Body Body, string End) Until(string[] ends)
    {
        _tokens.Skip(":");
        _tokens.Expect(TokenKind.BlockEnd);
        return Statements(ends);
    }

    private IfStatement If(int line)
    {
        var test = _expressions.Tuple(Conditionals.Excluded);
        var (then, end) = Until(["elif", "else", "endif"]);
        var others = new List<(Expression, Body)>();
        while (end == "elif")
        {
            var other = _expressions.Tuple(Conditionals.Excluded);
            var (body, next) = Until(["elif", "else", "endif"]);
            others.Add((other, body));
            end = next;
        }

        return new(test, then, others, end == "else" ? Until("endif") : null, line);
    }

    private ForStatement For(int line)
    {
        var target = _targets.Read("in", mayBeAttribute: false);
        _tokens.ExpectName("in");
        var iterable = _expressions.Tuple(Conditionals.Excluded, "recursive");
        var test = _tokens.SkipName("if") ? _expressions.Expression() : null;
        var recursion = _tokens.SkipName("recursive") ? Recursion.Recursive : Recursion.None;
        var (body, end) = Until(["endfor", "else"]);
        var otherwise = end == "else" ? Until("endfor") : null;
        return new(new(target, iterable, test, recursion), body, otherwise, line);
    }

    private Statement Set(int line)
    {
        var target = _targets.Read(null, mayBeAttribute: true);
        if (_tokens.Skip("="))
        {
            return new SetStatement(target, _expressions.Tuple(), line);
        }

        var captured = _expressions.Filters.ReadFilters(new CapturedExpression(line));
        return new SetBlockStatement(target, captured, Until("endset"), line);
    }

    private FilterStatement Filter(int line)
    {
        var captured = _expressions.Filters.ReadFilters(_expressions.Filters.ReadFilter(new CapturedExpression(line)));
        return new(captured, Until("endfilter"), line);
    }

    private WithStatement With(int line)
    {
        var variables = new List<(Target, Expression)>();
        while (_tokens.Current.Kind != TokenKind.BlockEnd)
        {
            if (variables.Count > 0)
            {
                _tokens.Expect(",");
            }

            var target = _targets.ReadSingle(mayBeAttribute: false);
            _tokens.Expect("=");
            variables.Add((target, _expressions.Expression()));
        }

        return new(variables, Until("endwith"), line);
    }

    private MacroStatement Macro(int line)
    {
        var name = _targets.ReadName();
        var (parameters, defaults) = Parameters();
        return new(name, new(name, parameters, defaults, Until("endmacro"), line), line);
    }

    private CallStatement Call(int line)
    {
        var (parameters, defaults) = _tokens.Current.IsOperator("(") ? Parameters() : ([], []);
        var call = _expressions.Expression() as CallExpression ?? throw TokenStream.Fail("expected call", line);
        return new(call, new(null, parameters, defaults, Until("endcall"), line), line);
    }

    private (List<string> Names, List<Expression> Defaults) Parameters()
    {
        var names = new List<string>();
        var defaults = new List<Expression>();
        _tokens.Expect("(");
        while (!_tokens.Skip(")"))
        {
            if (names.Count > 0)
            {
                _tokens.Expect(",");
            }

            var name = _targets.ReadName();
            if (names.Contains(name))
            {
                throw _tokens.Fail($"duplicate argument '{name}'");
            }

            names.Add(name);
            if (_tokens.Skip("="))
            {
                defaults.Add(_expressions.Expression());
            }
            else if (defaults.Count > 0)
            {
                throw _tokens.Fail("non-default argument follows default argument");
            }
        }

        return (names, defaults);
    }

    private PrintStatement Print(int line)
    {
        var items = new List<Expression>();
        while (_tokens.Current.Kind != TokenKind.BlockEnd)
        {
            if (items.Count > 0)
            {
                _tokens.Expect(",");
            }

            items.Add(_expressions.Expression());
        }

        return new(items, line);
    }

    private BlockStatement Block(int line)
    {
        var name = _tokens.Expect(TokenKind.Name).Text;
        if (!_blocks.Add(name))
        {
            throw TokenStream.Fail($"block '{name}' defined twice", line);
        }

        if (_tokens.Current.IsName("scoped") || _tokens.Current.IsName("required"))
        {
            throw new TemplateException(TemplateFailure.NotBuilt, $"this server does not build {_tokens.Current.Text} blocks", line);
        }

        var body = Until("endblock");
        _tokens.SkipName(name);
        return new(body, line);
    }

    private static Func<int, Statement> NotBuilt(string tag) => line =>
        throw new TemplateException(TemplateFailure.NotBuilt, $"this server does not build tag '{tag}'; use a template without it", line);
}
