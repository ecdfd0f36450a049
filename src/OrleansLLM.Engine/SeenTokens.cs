namespace OrleansLLM.Engine;

/// <summary>
/// The distinct tokens of a sequence with their counts in the output: what repetition (prompt and output), presence and frequency
/// penalties (output) look at. Made only for a sequence that has such a penalty.
/// </summary>
internal sealed class SeenTokens
{
    private const int FirstRoom = 1024;

    private readonly Dictionary<int, int> _counts;

    private SeenTokens(Sequence sequence)
    {
        _counts = new Dictionary<int, int>(sequence.Count + Math.Min(sequence.MaxTokens, FirstRoom));
        foreach (var token in sequence.Tokens[..sequence.PromptLength])
        {
            _counts[token] = 0;
        }

        foreach (var token in sequence.Output)
        {
            Add(token);
        }
    }

    public static SeenTokens? For(Sequence sequence) =>
        sequence.Sampling is { RepetitionPenalty: 1, PresencePenalty: 0, FrequencyPenalty: 0 } ? null : new SeenTokens(sequence);

    public Dictionary<int, int>.Enumerator GetEnumerator() => _counts.GetEnumerator();

    public void Add(int token) => _counts[token] = _counts.GetValueOrDefault(token) + 1;
}
