namespace OrleansLLM.Text.Tokenizers.PreTokenizers;

/// <summary>
/// Splits where the script changes, as SentencePiece does (Kudo and Richardson 2018): a piece begins with the first character of another
/// script; what is in no script, such as a space, goes with the piece before it, and is dropped where there is none.
/// </summary>
internal sealed class UnicodeScriptsPreTokenizer : IPreTokenizer
{
    public void PreTokenize(PieceList pieces) => pieces.Rewrite(piece =>
    {
        var span = piece.Span;
        var start = span.Length;
        var last = OlderUnicode.NoScript;
        for (var i = 0; i < span.Length; i += Runes.LengthAt(span, i))
        {
            var script = OlderUnicode.ScriptOf(Runes.At(span, i));
            if (script == OlderUnicode.NoScript || script == last)
            {
                continue;
            }

            if (start < i)
            {
                pieces.Put(piece with { Start = piece.Start + start, Length = i - start });
            }

            (start, last) = (i, script);
        }

        pieces.Put(piece with { Start = piece.Start + start, Length = span.Length - start });
    });
}
