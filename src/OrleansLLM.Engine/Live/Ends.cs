namespace OrleansLLM.Engine;

/// <summary>Ends without anything of their own.</summary>
internal static class Ends
{
    public static SequenceEnd Length { get; } = new(FinishReason.Length);

    public static SequenceEnd TimedOut { get; } = new(FinishReason.TimedOut, Message: "The request's time limit passed.");

    public static SequenceEnd QueueTimedOut { get; } = new(FinishReason.QueueTimedOut, Message: "The request waited longer than its queue limit.");

    public static SequenceEnd NothingAllowed { get; } = new(
        FinishReason.NothingAllowed,
        Message: "No token is left to draw: allowed_token_ids, logit_bias, bad_words and min_tokens together forbid every one. Allow another token, or lower min_tokens.");

    public static SequenceEnd ShutDown { get; } = new(FinishReason.ShutDown, Message: "The server is stopping.");

    public static SequenceEnd BrokenLogits(string model) => new(
        FinishReason.BrokenLogits,
        Message: $"The model `{model}` computed logits that are no numbers (NaN or infinity): its weights are damaged. Compare its files with where they came from and load it again.");
}
