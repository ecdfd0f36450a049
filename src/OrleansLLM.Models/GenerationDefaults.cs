namespace OrleansLLM.Models;

/// <summary>
/// What the model's authors recommend where a request says nothing (generation_config.json), and the ids that end an answer. Null =
/// they say nothing.
/// </summary>
public sealed record GenerationDefaults
{
    /// <summary>False = greedy.</summary>
    public bool? DoSample { get; init; }

    public float? Temperature { get; init; }

    public float? TopP { get; init; }

    public int? TopK { get; init; }

    public float? MinP { get; init; }

    public float? RepetitionPenalty { get; init; }

    /// <summary>Tokens of an answer.</summary>
    public int? MaxNewTokens { get; init; }

    /// <summary>
    /// Ids that end an answer, without repeats: all that generation_config.json and config.json name, or a GGUF file's keys and the texts of
    /// its vocabulary. A folder's tokenizer may name more.
    /// </summary>
    public IReadOnlyList<int> EndIds { get; init; } = [];

    /// <summary>Sentences for the log: ids that are named and are none of the model's.</summary>
    public IReadOnlyList<string> LeftOut { get; init; } = [];
}
