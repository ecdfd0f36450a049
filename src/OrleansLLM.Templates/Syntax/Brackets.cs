namespace OrleansLLM.Templates.Syntax;

/// <summary>The brackets that are open at a place in a tag: the tag can only end where none is.</summary>
internal sealed class Brackets
{
    private readonly Stack<char> _closing = new();

    public bool AreClosed => _closing.Count == 0;

    /// <summary>Opens or closes one where the operator is a bracket.</summary>
    public void Follow(char operation)
    {
        switch (operation)
        {
            case '{':
                _closing.Push('}');
                break;
            case '(':
                _closing.Push(')');
                break;
            case '[':
                _closing.Push(']');
                break;
            case '}' or ')' or ']':
                Close(operation);
                break;
        }
    }

    private void Close(char bracket)
    {
        if (!_closing.TryPop(out var expected))
        {
            throw TemplateError.Syntax($"unexpected '{bracket}'");
        }

        if (expected != bracket)
        {
            throw TemplateError.Syntax($"unexpected '{bracket}', expected '{expected}'");
        }
    }
}
