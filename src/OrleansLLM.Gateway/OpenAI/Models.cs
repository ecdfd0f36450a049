namespace OrleansLLM.Gateway.OpenAI;

internal sealed record ModelList(IReadOnlyList<ModelCard> Data)
{
    public string Object { get; } = "list";
}

/// <param name="Root">vLLM's: the name that the fleet knows; differs from <paramref name="Id"/> for an alias.</param>
/// <param name="MaxModelLen">vLLM's: prompt and output tokens together, at most.</param>
internal sealed record ModelCard(string Id, long Created, string Root, int MaxModelLen)
{
    public string Object { get; } = "model";

    public string OwnedBy { get; } = "orleansllm";
}
