using System.Globalization;
using System.Text.Json.Nodes;

namespace OrleansLLM.Cli.Chaos;

/// <summary>One request of a chaos run; the same seed and index make the same one.</summary>
/// <param name="Endpoint">Its path.</param>
/// <param name="Choices">How many answers it asks for.</param>
internal sealed record ChaosRequest(string Endpoint, string Body, int Choices);

/// <summary>
/// Streams of at least 256 tokens a choice, of all that an answer is made of: one to four choices, greedy and seeded, stop strings, log
/// probabilities, penalties, completions and chat.
/// </summary>
internal static class ChaosWorkload
{
    private const int LeastTokens = 256;
    private const int MostTokens = 448;
    private const int MostWords = 48;

    private static readonly string[] Words =
        "the climate of a capital is called and its people speak many languages while rivers run south through old hills where what do they export who lives near".Split(' ');

    /// <summary>Requests that ask for so many choices, or a few more.</summary>
    public static IReadOnlyList<ChaosRequest> Make(string model, int choices, int seed)
    {
        var random = new Random(seed);
        var requests = new List<ChaosRequest>();
        for (var made = 0; made < choices; made += requests[^1].Choices)
        {
            requests.Add(Make(model, random));
        }

        return requests;
    }

    private static ChaosRequest Make(string model, Random random)
    {
        var prompt = string.Join(' ', random.GetItems(Words, random.Next(4, MostWords)));
        var choices = random.Next(1, 5);
        var isChat = random.Next(4) == 0;
        var body = new JsonObject
        {
            ["model"] = model, ["stream"] = true, ["stream_options"] = new JsonObject { ["include_usage"] = true }, ["n"] = choices,
            ["min_tokens"] = LeastTokens, ["max_tokens"] = random.Next(LeastTokens, MostTokens + 1), ["ignore_eos"] = true,
            ["seed"] = random.Next(), ["temperature"] = random.Next(3) == 0 ? 0 : 0.6 + (random.Next(6) / 10.0),
        };
        if (isChat)
        {
            body["messages"] = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = prompt });
        }
        else
        {
            body["prompt"] = prompt;
        }

        AddLogprobs(body, isChat, random);
        AddPenalties(body, random);
        if (random.Next(3) == 0)
        {
            body["stop"] = new JsonArray(". The", random.GetItems(Words, 1)[0] + " " + random.GetItems(Words, 1)[0], random.Next(10).ToString(CultureInfo.InvariantCulture) + "%");
        }

        return new ChaosRequest(isChat ? "v1/chat/completions" : "v1/completions", body.ToJsonString(), choices);
    }

    private static void AddLogprobs(JsonObject body, bool isChat, Random random)
    {
        if (random.Next(2) == 0)
        {
            return;
        }

        body["logprobs"] = isChat ? true : random.Next(0, 4);
        if (isChat)
        {
            body["top_logprobs"] = random.Next(0, 4);
        }
    }

    private static void AddPenalties(JsonObject body, Random random)
    {
        switch (random.Next(5))
        {
            case 0:
                body["repetition_penalty"] = 1.1;
                break;
            case 1:
                (body["presence_penalty"], body["frequency_penalty"]) = (0.4, 0.2);
                break;
        }
    }
}
