using System.Globalization;

namespace OrleansLLM.Gateway.Requests;

internal enum LimitKind
{
    /// <summary>Of a whole number.</summary>
    Integer,

    /// <summary>Of a number.</summary>
    Number,

    /// <summary>Of a list's or an object's entries.</summary>
    Items,

    /// <summary>Of a string's UTF-16 units.</summary>
    Characters,
}

/// <summary>What a field may be, and how an error says it.</summary>
internal sealed record Limit(string Field, LimitKind Kind, decimal Minimum, decimal Maximum)
{
    public bool Allows(long value) => value >= Minimum && value <= Maximum;

    public bool AllowsNumber(double value) => value >= (double)Minimum && value <= (double)Maximum;

    /// <summary>A whole sentence for a value that is not allowed.</summary>
    public string Refusal(string field, string given) => Kind switch
    {
        LimitKind.Integer => $"`{field}` must be an integer from {Text(Minimum)} to {Text(Maximum)}, but is {given}.",
        LimitKind.Number => $"`{field}` must be a number from {Text(Minimum)} to {Text(Maximum)}, but is {given}.",
        LimitKind.Items => $"`{field}` must have from {Text(Minimum)} to {Text(Maximum)} entries, but has {given}.",
        _ => $"`{field}` must have from {Text(Minimum)} to {Text(Maximum)} characters, but has {given}.",
    };

    private static string Text(decimal value) => value.ToString("0.##", CultureInfo.InvariantCulture);
}

/// <summary>
/// Every limit of a request, beside those of the model (its length, its vocabulary's ids). Numbers follow OpenAI's document or, for
/// its own fields, vLLM; the others keep one request from holding the server's memory or time.
/// </summary>
internal static class Limits
{
    /// <summary>Bytes of a request's body.</summary>
    public const int BodyBytes = 16 << 20;

    /// <summary>Bytes that reading a body costs at most, for each of its own: itself, and what is made of it.</summary>
    public const int BodyCost = 4;

    /// <summary>Bytes that tokenizing costs at most, for each UTF-16 unit of a text.</summary>
    public const long TokenizingCost = 48;

    /// <summary>Members of a request's own object, unknown ones included.</summary>
    public const int Fields = 1024;

    /// <summary>Levels of nested arrays and objects.</summary>
    public const int JsonDepth = 64;

    /// <summary>Answers of one request: prompts × n.</summary>
    public const int Answers = 512;

    /// <summary>JSON values of messages and chat_template_kwargs, beside content.</summary>
    public const int CopiedValues = 1 << 16;

    /// <summary>
    /// UTF-16 units of a prompt's text: far more than a prompt of the model's length has, and so few that tokenizing them is cheap.
    /// </summary>
    public static long TextCharacters(int modelLength) => Math.Max(1 << 20, 64L * modelLength);

    /// <summary>Temperatures above 0 and below this are this: logits divided by less lose their differences (as vLLM).</summary>
    public const float SmallestTemperature = 0.01f;

    public static readonly Limit Samples = new("n", LimitKind.Integer, 1, GenerationLimits.MaxSamples);
    public static readonly Limit BestOf = new("best_of", LimitKind.Integer, 1, GenerationLimits.MaxSamples);
    public static readonly Limit MaxTokens = new("max_tokens", LimitKind.Integer, 0, int.MaxValue);
    public static readonly Limit MaxChatTokens = new("max_tokens", LimitKind.Integer, 1, int.MaxValue);
    public static readonly Limit MaxCompletionTokens = new("max_completion_tokens", LimitKind.Integer, 1, int.MaxValue);
    public static readonly Limit MinTokens = new("min_tokens", LimitKind.Integer, 0, int.MaxValue);
    public static readonly Limit Logprobs = new("logprobs", LimitKind.Integer, 0, GenerationLimits.MaxLogprobs);
    public static readonly Limit TopLogprobs = new("top_logprobs", LimitKind.Integer, 0, GenerationLimits.MaxLogprobs);
    public static readonly Limit PromptLogprobs = new("prompt_logprobs", LimitKind.Integer, 0, GenerationLimits.MaxLogprobs);
    public static readonly Limit TopK = new("top_k", LimitKind.Integer, -1, int.MaxValue);
    public static readonly Limit Priority = new("priority", LimitKind.Integer, int.MinValue, int.MaxValue);
    public static readonly Limit Seed = new("seed", LimitKind.Integer, long.MinValue, long.MaxValue);
    public static readonly Limit TruncatePromptTokens = new("truncate_prompt_tokens", LimitKind.Integer, -1, int.MaxValue);

    public static readonly Limit Temperature = new("temperature", LimitKind.Number, 0, 2);
    public static readonly Limit TopP = new("top_p", LimitKind.Number, 0, 1);
    public static readonly Limit MinP = new("min_p", LimitKind.Number, 0, 1);
    public static readonly Limit RepetitionPenalty = new("repetition_penalty", LimitKind.Number, 0.01m, 100);
    public static readonly Limit PresencePenalty = new("presence_penalty", LimitKind.Number, -2, 2);
    public static readonly Limit FrequencyPenalty = new("frequency_penalty", LimitKind.Number, -2, 2);
    public static readonly Limit LogitBiasValue = new("logit_bias", LimitKind.Number, -100, 100);

    public static readonly Limit LogitBias = new("logit_bias", LimitKind.Items, 0, 1024);
    public static readonly Limit Stop = new("stop", LimitKind.Items, 0, 64);
    public static readonly Limit StopTokenIds = new("stop_token_ids", LimitKind.Items, 0, 256);
    public static readonly Limit AllowedTokenIds = new("allowed_token_ids", LimitKind.Items, 1, 1 << 20);
    public static readonly Limit BadWords = new("bad_words", LimitKind.Items, 0, 256);
    public static readonly Limit Prompts = new("prompt", LimitKind.Items, 1, 512);
    public static readonly Limit Messages = new("messages", LimitKind.Items, 1, 4096);
    public static readonly Limit ContentParts = new("content", LimitKind.Items, 0, 4096);
    public static readonly Limit Tokens = new("tokens", LimitKind.Items, 0, 1 << 20);

    public static readonly Limit StopCharacters = new("stop", LimitKind.Characters, 1, 1024);
    public static readonly Limit BadWordCharacters = new("bad_words", LimitKind.Characters, 1, 256);
    public static readonly Limit CacheSalt = new("cache_salt", LimitKind.Characters, 1, 1024);
    public static readonly Limit Model = new("model", LimitKind.Characters, 0, 1024);
}
