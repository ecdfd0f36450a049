namespace OrleansLLM.Templates.Syntax;

internal enum TokenKind
{
    Data,
    BlockBegin,
    BlockEnd,
    PrintBegin,
    PrintEnd,
    Name,
    Text,
    Integer,
    Float,
    Operator,
    End,
}

/// <param name="Text">The text of data, a name, a number, an operator, or what a string literal stands for.</param>
internal readonly record struct Token(TokenKind Kind, string Text, int Line)
{
    public bool IsName(string name) => Kind == TokenKind.Name && Text == name;

    public bool IsOperator(string name) => Kind == TokenKind.Operator && Text == name;

    /// <summary>For messages.</summary>
    public string Describe() => Kind switch
    {
        TokenKind.Data => "template data / text",
        TokenKind.BlockBegin => "begin of statement block",
        TokenKind.BlockEnd => "end of statement block",
        TokenKind.PrintBegin => "begin of print statement",
        TokenKind.PrintEnd => "end of print statement",
        TokenKind.Text => "string",
        TokenKind.Integer => "integer",
        TokenKind.Float => "float",
        TokenKind.End => "end of template",
        _ => Text,
    };
}
