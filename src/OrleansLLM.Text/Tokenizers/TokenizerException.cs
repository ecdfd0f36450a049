namespace OrleansLLM.Text.Tokenizers;

/// <summary>A tokenizer that can't be loaded or run; the message says what is wrong, where, and what would work.</summary>
public sealed class TokenizerException : Exception
{
    public TokenizerException()
    {
    }

    public TokenizerException(string message)
        : base(message)
    {
    }

    public TokenizerException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
