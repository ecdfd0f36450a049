namespace OrleansLLM.Hosting;

/// <summary>A model that can't be served; the message says what is wrong, where, and what would work.</summary>
public sealed class ModelLoadException : Exception
{
    public ModelLoadException()
    {
    }

    public ModelLoadException(string message)
        : base(message)
    {
    }

    public ModelLoadException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
