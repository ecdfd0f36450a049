using System.Globalization;
using OrleansLLM.Gateway.Http;

namespace OrleansLLM.Gateway.Requests;

/// <summary>What a client says in headers of how long, and for how many POSTs, its answer is there.</summary>
/// <param name="Linger">How long an answer goes on that nobody reads.</param>
/// <param name="IdempotencyKey">POSTs with the same one are one; null without.</param>
internal sealed record AnswerHeaders(TimeSpan Linger, string? IdempotencyKey)
{
    /// <summary>The answer's id, in the response.</summary>
    public const string Id = "Orleansllm-Id";

    public const string LingerName = "Orleansllm-Linger";

    public const string KeyName = "Idempotency-Key";

    public const int LongestKey = 255;

    /// <summary>Seconds.</summary>
    public const int LongestLinger = 300;

    /// <summary>Seconds, for a client that will come again by its key.</summary>
    private const int LingerOfKey = 60;

    public static Outcome<AnswerHeaders> Read(IHeaderDictionary headers)
    {
        string? key = headers.TryGetValue(KeyName, out var keys) ? keys.ToString() : null;
        if (key is not null && !(key.Length is > 0 and <= LongestKey && key.All(letter => letter is >= ' ' and <= '~')))
        {
            return ApiError.Invalid(KeyName, $"`{KeyName}` must have from 1 to {LongestKey} printable ASCII characters.");
        }

        var linger = key is null ? 0 : LingerOfKey;
        if (headers.TryGetValue(LingerName, out var given)
            && !(int.TryParse(given.ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out linger) && linger <= LongestLinger))
        {
            return ApiError.Invalid(LingerName, $"`{LingerName}` must be whole seconds from 0 to {LongestLinger}.");
        }

        return new AnswerHeaders(TimeSpan.FromSeconds(linger), key);
    }
}
