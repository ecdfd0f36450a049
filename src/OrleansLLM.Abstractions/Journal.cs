namespace OrleansLLM;

/// <summary>
/// The whole state of a request's sequences, enough to go on with them anywhere: a token is a function of the tokens before it and of
/// f(seed, sample, position), so there is no other state of a sampler to keep. Written as versioned bytes by <see cref="JournalFormat"/>.
/// </summary>
/// <param name="Sequences">In order of their index; forks included.</param>
public sealed record Journal(GenerationRequest Request, IReadOnlyList<JournalSequence> Sequences)
{
    /// <summary>The journal of a request of which nothing is published yet.</summary>
    public static Journal Begin(GenerationRequest request) => new(
        request,
        [.. Enumerable.Range(0, request.Samples).Select(index => JournalSequence.Begin(new SequenceId(request.Id, index)))]);
}

/// <param name="Output">Published tokens behind the prompt.</param>
/// <param name="Changes">In order of their positions; one behind the output's end holds when its token comes.</param>
/// <param name="End">Null while it runs or waits.</param>
public sealed record JournalSequence(
    SequenceId Id, ReadOnlyMemory<int> Output, IReadOnlyList<JournalChange> Changes, SequenceEnd? End)
{
    /// <summary>A sequence of which nothing is published yet.</summary>
    public static JournalSequence Begin(SequenceId id) => new(id, default, [], null);
}

/// <summary>A change and the position of the first token that it holds for, counted from the prompt's first.</summary>
public sealed record JournalChange(int Position, SequenceChange Change);

/// <summary>Bytes that are no journal, or one of a version that this program does not know.</summary>
public sealed class JournalFormatException : Exception
{
    public JournalFormatException()
    {
    }

    public JournalFormatException(string message)
        : base(message)
    {
    }

    public JournalFormatException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
