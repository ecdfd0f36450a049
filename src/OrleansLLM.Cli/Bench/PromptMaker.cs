using System.Text.Json.Nodes;
using OrleansLLM.Cli.Client;

namespace OrleansLLM.Cli.Bench;

/// <summary>
/// Makes prompts of wanted lengths for a server that is known by its API only: exact lists of ids for completions where the server
/// tokenizes, else text whose length in tokens is estimated from one probe.
/// </summary>
internal sealed class PromptMaker
{
    private const int PoolWords = 4096;

    private readonly string[] _words;
    private readonly int[]? _pool;
    private readonly double _tokensPerWord;
    private readonly PromptKind _kind;

    private PromptMaker(PromptKind kind, string[] words, int[]? pool, double tokensPerWord)
    {
        (_kind, _words, _pool, _tokensPerWord) = (kind, words, pool, tokensPerWord);
    }

    public static async Task<PromptMaker> CreateAsync(
        ServerClient client, string model, PromptKind kind, int seed, CancellationToken cancellation)
    {
        var words = RandomWords(new Random(seed), PoolWords);
        var pool = await client.TokenizeAsync(model, string.Join(' ', words), cancellation).ConfigureAwait(false);
        var tokensPerWord = pool is { Length: > 0 } ? (double)pool.Length / words.Length : 1.4;
        return new PromptMaker(kind, words, pool is { Length: > 0 } ? pool : null, tokensPerWord);
    }

    /// <summary>A request body without what sampling and streaming add.</summary>
    public JsonObject Make(int tokens, Random random)
    {
        if (_kind == PromptKind.Completion && _pool is not null)
        {
            var start = random.Next(_pool.Length);
            var ids = Enumerable.Range(0, tokens).Select(index => JsonValue.Create(_pool[(start + (index * 7)) % _pool.Length]));
            return new JsonObject { ["prompt"] = new JsonArray([.. ids]) };
        }

        var first = random.Next(_words.Length);
        var count = Math.Max(1, (int)(tokens / _tokensPerWord));
        var text = string.Join(' ', Enumerable.Range(0, count).Select(index => _words[(first + index) % _words.Length]));
        return _kind == PromptKind.Completion
            ? new JsonObject { ["prompt"] = text }
            : new JsonObject { ["messages"] = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = text }) };
    }

    private static string[] RandomWords(Random random, int count)
    {
        string[] vocabulary =
        [
            "the", "of", "river", "capital", "a", "mountain", "in", "country", "people", "and", "water", "trade", "is", "south", "north",
            "island", "between", "port", "city", "with", "coast", "desert", "on", "border", "large", "small", "export", "climate", "sea",
            "forest", "many", "railway", "to", "energy", "language", "west", "market", "history", "from", "plain", "valley", "area",
        ];
        return [.. Enumerable.Range(0, count).Select(_ => vocabulary[random.Next(vocabulary.Length)])];
    }
}

internal enum PromptKind
{
    Completion,
    Chat,
}
