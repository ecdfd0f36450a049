using System.Globalization;
using OrleansLLM.Gateway.OpenAI;
using OrleansLLM.Gateway.Requests;
using OrleansLLM.Text;

namespace OrleansLLM.Gateway.Answers;

/// <summary>
/// Log probabilities in the three forms that clients know; null where they were not asked for. They are made as they are written, for they are
/// many times as large as what they are made of.
/// </summary>
internal static class LogprobShapes
{
    /// <summary>Of /v1/completions: the candidates by their text, the drawn token among them.</summary>
    public static CompletionLogprobs? Completion(GenerationInput input, IReadOnlyList<ShownToken> tokens)
    {
        if (input.Shape.Logprobs is not { } most)
        {
            return null;
        }

        var tokenizer = input.Model.Tokenizer;
        return new CompletionLogprobs(
            tokens.Select(token => token.Offset),
            tokens.Select(token => token.Logprobs is { } known ? TokenTexts.Finite(known.Logprob) : (float?)null),
            tokens.Select(token => TokenTexts.Text(tokenizer, token.Id)),
            tokens.Select(token => Candidates(tokenizer, token, most)));
    }

    /// <summary>Of /v1/chat/completions.</summary>
    public static ChatLogprobs? Chat(GenerationInput input, IReadOnlyList<ShownToken> tokens)
    {
        if (input.Shape.Logprobs is not { } most)
        {
            return null;
        }

        var tokenizer = input.Model.Tokenizer;
        return new ChatLogprobs(tokens.Select(token => new TokenLogprob(
            TokenTexts.Text(tokenizer, token.Id),
            TokenTexts.Finite(token.Logprobs?.Logprob ?? TokenTexts.LeastLogprob),
            TokenTexts.Bytes(tokenizer, token.Id),
            Top(tokenizer, token.Logprobs, most))));
    }

    /// <summary>vLLM's prompt_logprobs: a position's candidates by their ids, its own token among them.</summary>
    public static IEnumerable<IReadOnlyDictionary<string, PromptLogprob>?>? Prompt(GenerationInput input, Choice choice)
    {
        if (input.Shape.PromptLogprobs is not { } most)
        {
            return null;
        }

        var tokenizer = input.Model.Tokenizer;
        return choice.Prompt.Ids.Zip(choice.PromptLogprobs, (id, known) => known is null ? null : Position(tokenizer, id, known, most));
    }

    private static Dictionary<string, PromptLogprob> Position(TextTokenizer tokenizer, int id, TokenLogprobs known, int most)
    {
        var candidates = new Dictionary<string, PromptLogprob>
        {
            [Key(id)] = new(TokenTexts.Finite(known.Logprob), known.Rank, TokenTexts.Text(tokenizer, id)),
        };
        for (var i = 0; i < Math.Min(most, known.TopIds.Length); i++)
        {
            var top = known.TopIds.Span[i];
            candidates.TryAdd(Key(top), new(TokenTexts.Finite(known.TopLogprobs.Span[i]), i + 1, TokenTexts.Text(tokenizer, top)));
        }

        return candidates;
    }

    private static Dictionary<string, float>? Candidates(TextTokenizer tokenizer, in ShownToken token, int most)
    {
        if (token.Logprobs is not { } known)
        {
            return null;
        }

        var candidates = new Dictionary<string, float>();
        for (var i = 0; i < Math.Min(most, known.TopIds.Length); i++)
        {
            candidates.TryAdd(TokenTexts.Text(tokenizer, known.TopIds.Span[i]), TokenTexts.Finite(known.TopLogprobs.Span[i]));
        }

        candidates.TryAdd(TokenTexts.Text(tokenizer, token.Id), TokenTexts.Finite(known.Logprob));
        return candidates;
    }

    private static TopLogprob[] Top(TextTokenizer tokenizer, TokenLogprobs? known, int most)
    {
        var top = new TopLogprob[Math.Min(most, known?.TopIds.Length ?? 0)];
        for (var i = 0; i < top.Length; i++)
        {
            var id = known!.TopIds.Span[i];
            top[i] = new(TokenTexts.Text(tokenizer, id), TokenTexts.Finite(known.TopLogprobs.Span[i]), TokenTexts.Bytes(tokenizer, id));
        }

        return top;
    }

    private static string Key(int id) => id.ToString(CultureInfo.InvariantCulture);
}
