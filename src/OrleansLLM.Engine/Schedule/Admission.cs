using System.Globalization;
using OrleansLLM.Sequences;

namespace OrleansLLM.Engine;

/// <summary>
/// What an engine can never do is refused at once, with the number that says why. Pure functions of the request and the engine's sizes;
/// may be called from any thread.
/// </summary>
internal sealed class Admission(EngineFacts facts, CacheShape shape)
{
    /// <summary>Null where the attempt may wait in line.</summary>
    public SubmitResult.Refused? Check(Attempt attempt)
    {
        var request = attempt.Request;
        if (request.PromptIds.IsEmpty)
        {
            return Invalid("The prompt is empty; it needs at least one token.");
        }

        return CheckLength(request)
            ?? CheckTokens("prompt", request.PromptIds.Span)
            ?? CheckOutputs(attempt)
            ?? CheckLimits(request)
            ?? CheckSampling(request.Sampling);
    }

    /// <summary>Null where a sequence may be changed so.</summary>
    public SubmitResult.Refused? CheckChange(SequenceChange change) =>
        CheckNumber("max_tokens", change.MaxTokens ?? 1, 1, int.MaxValue)
        ?? (change.Sampling is { } sampling ? CheckSampling(sampling) : null);

    private SubmitResult.Refused? CheckSampling(SamplingParameters sampling) =>
        CheckNumber("temperature", sampling.Temperature, 0, float.MaxValue)
        ?? CheckNumber("top_p", sampling.TopP, float.Epsilon, 1)
        ?? CheckNumber("min_p", sampling.MinP, 0, 1)
        ?? CheckNumber("top_k", sampling.TopK, 0, int.MaxValue)
        ?? CheckNumber("repetition_penalty", sampling.RepetitionPenalty, float.Epsilon, float.MaxValue)
        ?? CheckNumber("presence_penalty", sampling.PresencePenalty, float.MinValue, float.MaxValue)
        ?? CheckNumber("frequency_penalty", sampling.FrequencyPenalty, float.MinValue, float.MaxValue)
        ?? CheckNumber("logprobs", sampling.Logprobs ?? 0, 0, GenerationLimits.MaxLogprobs)
        ?? CheckNumber("prompt_logprobs", sampling.PromptLogprobs ?? 0, 0, GenerationLimits.MaxLogprobs)
        ?? CheckLists(sampling);

    private SubmitResult.Refused? CheckLength(GenerationRequest request)
    {
        var prompt = request.PromptIds.Length;
        var asked = (long)prompt + request.MaxTokens;
        if (asked <= facts.MaxLength && (prompt < facts.MaxLength || request.MaxTokens == 0))
        {
            return null;
        }

        var pool = shape.MostTokensIn(facts.TotalBlocks, int.MaxValue - 1);
        var why = pool <= facts.MaxLength
            ? Say($" That is what the KV pool of {facts.TotalBlocks} blocks of {facts.BlockSize} slots holds of one sequence.")
            : "";
        return new SubmitResult.Refused(
            RefusalReason.TooLong,
            Say($"The prompt has {prompt} tokens and max_tokens is {request.MaxTokens}: {asked} together, but at most {facts.MaxLength} fit.{why} Shorten the prompt or lower max_tokens."));
    }

    private SubmitResult.Refused? CheckOutputs(Attempt attempt)
    {
        foreach (var sequence in attempt.Sequences)
        {
            if (attempt.Request.PromptIds.Length + sequence.Output.Length > facts.MaxLength)
            {
                return Invalid(Say($"{sequence.Id} has {sequence.Output.Length} output tokens behind a prompt of {attempt.Request.PromptIds.Length}; at most {facts.MaxLength} fit together."));
            }

            var refused = CheckTokens("output", sequence.Output.Span);
            foreach (var noted in sequence.Changes)
            {
                refused ??= CheckChange(noted.Change);
            }

            if (refused is not null)
            {
                return refused;
            }
        }

        return attempt.Sequences.Count is 0 or > GenerationLimits.MaxSamples
            ? Invalid(Say($"A request has 1 to {GenerationLimits.MaxSamples} sequences, not {attempt.Sequences.Count}."))
            : null;
    }

    private SubmitResult.Refused? CheckLimits(GenerationRequest request) =>
        CheckNumber("max_tokens", request.MaxTokens, 0, facts.MaxLength)
        ?? CheckNumber("min_tokens", request.MinTokens, 0, request.MaxTokens)
        ?? CheckCount("stop_token_ids", request.StopTokenIds.Count)
        ?? CheckTokens("stop_token_ids", [.. request.StopTokenIds]);

    private SubmitResult.Refused? CheckLists(SamplingParameters sampling)
    {
        var refused = CheckCount("logit_bias", sampling.LogitBias.Count)
            ?? CheckTokens("logit_bias", [.. sampling.LogitBias.Select(entry => entry.Key)])
            ?? CheckTokens("allowed_token_ids", [.. sampling.AllowedTokenIds])
            ?? CheckCount("bad_words", sampling.BadWords.Sum(word => word.Count));
        foreach (var (token, bias) in sampling.LogitBias)
        {
            refused ??= float.IsNaN(bias) || float.IsPositiveInfinity(bias) ? Invalid(Say($"logit_bias of token {token} is {bias}; it must be a number.")) : null;
        }

        foreach (var word in sampling.BadWords)
        {
            refused ??= word.Count == 0 ? Invalid("bad_words holds an empty word.") : CheckTokens("bad_words", [.. word]);
        }

        return refused;
    }

    private SubmitResult.Refused? CheckTokens(string field, ReadOnlySpan<int> tokens)
    {
        for (var i = 0; i < tokens.Length; i++)
        {
            if ((uint)tokens[i] >= (uint)facts.VocabularySize)
            {
                return Invalid(Say($"Token {tokens[i]} at index {i} of {field} is outside the vocabulary of {facts.VocabularySize}."));
            }
        }

        return null;
    }

    private static SubmitResult.Refused? CheckCount(string field, int count) => count > GenerationLimits.MaxListedTokens
        ? Invalid(Say($"{field} lists {count} tokens; at most {GenerationLimits.MaxListedTokens} are allowed."))
        : null;

    private static SubmitResult.Refused? CheckNumber(string field, double value, double least, double most) =>
        value >= least && value <= most ? null : Invalid(Say($"{field} is {value}; it must be in [{least}, {most}]."));

    private static SubmitResult.Refused Invalid(string message) => new(RefusalReason.Invalid, message);

    private static string Say(FormattableString message) => message.ToString(CultureInfo.InvariantCulture);
}
