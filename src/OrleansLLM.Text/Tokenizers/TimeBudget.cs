using static System.FormattableString;

namespace OrleansLLM.Text.Tokenizers;

/// <summary>How long a text may take; what a hostile file's patterns make of it could else take for ever.</summary>
/// <param name="characters">The text's length in UTF-16 units.</param>
internal readonly struct TimeBudget(int characters)
{
    /// <summary>A hundred times what an idle machine takes: a busy one must not mistake its own slowness for a pattern's.</summary>
    private const int MicrosecondsPerCharacter = 20;

    private readonly long _end = Environment.TickCount64 + Patterns.RegexPattern.TimeLimitMilliseconds
        + ((long)characters * MicrosecondsPerCharacter / 1000);

    /// <exception cref="TokenizerException">The time is over.</exception>
    public void Check()
    {
        if (Environment.TickCount64 > _end)
        {
            throw new TokenizerException(Invariant($"splitting {characters} characters takes too long; a pattern of the tokenizer's file backtracks without end"));
        }
    }
}
