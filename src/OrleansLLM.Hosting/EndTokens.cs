using OrleansLLM.Files;
using OrleansLLM.Text;

namespace OrleansLLM.Hosting;

/// <summary>
/// The ids that end an answer, all of them: what generation_config.json and config.json name, what the tokenizer's files call eos_token, and the
/// special tokens of the tokenizer that are turn ends by their text (<see cref="TurnEnds"/>). The last count whatever the files name, since those
/// are often wrong: fine-tunes keep their base's end and learn another. They count as special tokens only, which no text spells, so that no
/// model stops at what it writes about. A GGUF file's are by the same rule its keys' and, whatever their type, its turn ends
/// (<see cref="Models.GenerationDefaults.EndIds"/>).
/// </summary>
/// <param name="Ids">Without repeats; none only where nothing is known to end one.</param>
/// <param name="LeftOut">Sentences for the log.</param>
internal sealed record EndTokens(IReadOnlyList<int> Ids, IReadOnlyList<string> LeftOut)
{
    /// <param name="named">Ids that generation_config.json and config.json name.</param>
    /// <param name="ends">Texts that the tokenizer's files name.</param>
    /// <param name="tokenizer">Knows the texts' ids, all of which the model has.</param>
    public static EndTokens Find(IReadOnlyList<int> named, IReadOnlyList<(string File, string Text)> ends, TextTokenizer tokenizer)
    {
        var ids = new List<int>(named);
        var leftOut = new List<string>();
        foreach (var (file, text) in ends)
        {
            if (!tokenizer.TryGetId(text, out var id))
            {
                leftOut.Add($"{file}: eos_token is \"{text}\", which is no token of the model: it is left out.");
            }
            else if (!ids.Contains(id))
            {
                ids.Add(id);
            }
        }

        var byText = ByText(tokenizer).Except(ids).ToList();
        if (ids.Count == 0)
        {
            leftOut.Add(byText.Count > 0
                ? $"No file names a token that ends an answer: {string.Join(", ", byText.Select(tokenizer.GetToken))} will, by the text."
                : "No file names a token that ends an answer: answers end at their length only.");
        }

        return new([.. ids, .. byText], leftOut);
    }

    /// <summary>The turn ends among the tokenizer's special tokens.</summary>
    private static IReadOnlyList<int> ByText(TextTokenizer tokenizer)
    {
        var special = Enumerable.Range(0, tokenizer.VocabularySize).Select(id => tokenizer.IsSpecial(id) ? tokenizer.GetToken(id) : null);
        return TurnEnds.Find([.. special], _ => true);
    }
}
