using System.Text;
using OrleansLLM.Text.Tokenizers.Normalizers;
using OrleansLLM.Text.Tokenizers.Patterns;

namespace OrleansLLM.Text.Tokenizers.PreTokenizers;

/// <summary>Which pieces get a mark before their first word.</summary>
internal enum PrependScheme
{
    /// <summary>The one at the text's start.</summary>
    First,
    Never,
    Always,
}

/// <summary>Writes spaces as a mark (▁) and splits before it.</summary>
internal sealed class MetaspacePreTokenizer : IPreTokenizer
{
    private readonly string _mark;
    private readonly PrependScheme _scheme;
    private readonly bool _splits;
    private readonly ReplaceNormalizer _replaceSpaces;
    private readonly LiteralPattern _markPattern;

    private MetaspacePreTokenizer(Rune mark, PrependScheme scheme, bool splits)
    {
        _mark = mark.ToString();
        _scheme = scheme;
        _splits = splits;
        _replaceSpaces = new ReplaceNormalizer(new LiteralPattern(" "), _mark);
        _markPattern = new LiteralPattern(_mark);
    }

    public static MetaspacePreTokenizer Read(TokenizerComponent component) =>
        new(component.Character("replacement"), ReadScheme(component), component.OptionalBoolean("split") ?? true);

    /// <summary>Older files say add_prefix_space where newer ones say prepend_scheme.</summary>
    public static PrependScheme ReadScheme(TokenizerComponent component)
    {
        var scheme = component.OptionalChoice<PrependScheme>("prepend_scheme");
        return component.OptionalBoolean("add_prefix_space") == false ? PrependScheme.Never : scheme ?? PrependScheme.Always;
    }

    public void PreTokenize(PieceList pieces) => pieces.Rewrite(piece =>
    {
        var text = _replaceSpaces.Normalize(piece.ToText());
        if (Prepends(text))
        {
            text = PrependNormalizer.Prepend(text, _mark);
        }

        if (_splits)
        {
            pieces.PutSplit(Piece.Whole(text), _markPattern, SplitBehavior.MergedWithNext);
        }
        else
        {
            pieces.Put(Piece.Whole(text));
        }
    });

    private bool Prepends(AlignedText text) => !text.Text.StartsWith(_mark, StringComparison.Ordinal)
        && (_scheme == PrependScheme.Always || (_scheme == PrependScheme.First && text.Origin == 0));
}
