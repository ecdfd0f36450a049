namespace OrleansLLM.Text;

/// <summary>What the gateway needs of a model to speak text: it holds no weights.</summary>
/// <param name="Name">As the fleet knows it; requests may also use one of <paramref name="Aliases"/>.</param>
/// <param name="Template">Null where the model has none: chat is then refused with a sentence that says so.</param>
/// <param name="EndTokens">End-of-sequence ids.</param>
/// <param name="Defaults">From generation_config.json: what holds where a request says nothing.</param>
public sealed record ServedModel(
    string Name, IReadOnlyList<string> Aliases, int MaxLength, TextTokenizer Tokenizer, IChatTemplate? Template,
    IReadOnlyList<int> EndTokens, SamplingParameters Defaults, DateTimeOffset Created)
{
    /// <summary>Also from generation_config.json: tokens of an answer where a request says nothing; null = nobody says it.</summary>
    public int? MaxNewTokens { get; init; }
}

/// <summary>
/// The models that this gateway serves; empty while they load (health answers 503 then).
/// </summary>
public interface IServedModels
{
    IReadOnlyList<ServedModel> Models { get; }

    ServingPhase Phase { get; }

    /// <summary>Why a model that was loaded can't be served any more, as a sentence; null where it can, or was never loaded.</summary>
    string? Failure { get; }
}

public enum ServingPhase
{
    Loading,
    Ready,
    Draining,
    Failed,

    /// <summary>Nobody computes them yet.</summary>
    Waiting,
}
