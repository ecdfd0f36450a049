using OrleansLLM.Templates.Nodes;

namespace OrleansLLM.Templates.Syntax;

/// <summary>Reads the tags that load other templates.</summary>
internal sealed class LoadParser(TokenStream tokens, ExpressionParser expressions, TargetParser targets)
{
    public LoadStatement Import(int line)
    {
        expressions.Expression();
        tokens.ExpectName("as");
        var name = targets.ReadName();
        SkipContext();
        return new("import", [name], line);
    }

    public LoadStatement From(int line)
    {
        expressions.Expression();
        tokens.ExpectName("import");
        var names = new List<string>();
        while (tokens.Current.Kind == TokenKind.Name && !SkipContext())
        {
            var name = targets.ReadName();
            names.Add(tokens.SkipName("as") ? targets.ReadName() : name);
            if (!SkipContext() && !tokens.Skip(","))
            {
                break;
            }
        }

        return new("from", names, line);
    }

    public LoadStatement Load(string tag, int line)
    {
        expressions.Expression();
        if (tokens.SkipName("ignore"))
        {
            tokens.ExpectName("missing");
        }

        SkipContext();
        return new(tag, [], line);
    }

    private bool SkipContext()
    {
        if ((tokens.Current.IsName("with") || tokens.Current.IsName("without")) && tokens.Ahead.IsName("context"))
        {
            tokens.Take();
            tokens.Take();
            return true;
        }

        return false;
    }
}
