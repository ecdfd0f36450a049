namespace OrleansLLM.Text.Tokenizers;

/// <summary>
/// The tokens of a text: parallel lists. Extents, words, types, and the tokens' own texts are there where they were asked for.
/// </summary>
internal sealed class TokenizedText(Tracking tracking)
{
    /// <summary>The word of a token that the post-processor put in.</summary>
    public const int NoWord = -1;

    public Tracking Tracking { get; } = tracking;

    public List<int> Ids { get; } = [];

    /// <summary>Which part of the user's text each token came from.</summary>
    public List<Extent> Extents { get; } = [];

    /// <summary>The number of the piece that each token belongs to.</summary>
    public List<int> Words { get; } = [];

    /// <summary>0 for the first text of a pair, 1 for the second, as the post-processor says it.</summary>
    public List<int> Types { get; } = [];

    public List<string> Texts { get; } = [];

    /// <summary>Positions of tokens that the post-processor put in.</summary>
    public List<int> Added { get; } = [];

    public void Add(int id, Extent extent, int word, string text)
    {
        Ids.Add(id);
        Extents.Add(extent);
        Words.Add(word);
        Types.Add(0);
        Texts.Add(text);
    }

    /// <summary>Puts in a token that does not come from the text.</summary>
    public void AddSpecial(int id, string text, int type)
    {
        if (Tracking == Tracking.Extents)
        {
            Added.Add(Ids.Count);
            Add(id, default, NoWord, text);
            Types[^1] = type;
        }
        else
        {
            Ids.Add(id);
        }
    }

    public void SetTypes(int type)
    {
        for (var i = 0; i < Types.Count; i++)
        {
            Types[i] = type;
        }
    }

    public void Append(TokenizedText other)
    {
        Added.AddRange(other.Added.Select(position => position + Ids.Count));
        Ids.AddRange(other.Ids);
        Extents.AddRange(other.Extents);
        Words.AddRange(other.Words);
        Types.AddRange(other.Types);
        Texts.AddRange(other.Texts);
    }
}
