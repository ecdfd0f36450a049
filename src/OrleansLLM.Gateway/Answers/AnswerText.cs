using System.Text.Json.Nodes;
using OrleansLLM.Gateway.Requests;
using OrleansLLM.Text;

namespace OrleansLLM.Gateway.Answers;

/// <summary>
/// Turns one answer's ids into text. No half character and no part of a stop string that is to be cut ever comes out; the texts of all
/// deltas together are the answer; a token's log probabilities come with the delta that completes its text, in order, and never for
/// text that is not shown.
/// </summary>
internal sealed class AnswerText
{
    // Enough of the prompt that a decoder knows it stands inside a text, where a leading space is one.
    private const int ContextTokens = 8;

    private readonly AnswerShape _shape;
    private readonly GenerationSettings _settings;
    private readonly IStreamDecoder _decoder;
    private readonly StopStrings _stops;
    private readonly List<(ShownToken Token, int Start, int End)> _waiting = [];
    private readonly List<int> _ids = [];
    private int _decoded;
    private int _released;
    private int _offset;

    /// <param name="stops">The shape's, of this answer's own.</param>
    public AnswerText(ServedModel model, Prompt prompt, GenerationSettings settings, AnswerShape shape, StopStrings stops)
    {
        _shape = shape;
        _settings = settings;
        _stops = stops;
        _decoder = CreateDecoder(model.Tokenizer, prompt.Ids, shape.Special);
        _offset = CodePoints(prompt.Echo);
    }

    /// <summary>Tokens so far, the last one's included whether its text is shown or not.</summary>
    public int Tokens { get; private set; }

    /// <summary>Set by the delta that ended the answer: nothing comes behind it.</summary>
    public AnswerEnd? End { get; private set; }

    /// <summary>Takes a token in; null while there is nothing to show.</summary>
    public AnswerDelta? Add(int id, TokenLogprobs? logprobs)
    {
        Tokens++;
        if (_shape.TokenIds == TokenIds.Show)
        {
            _ids.Add(id);
        }

        if (_shape.StopText == StopStringText.Excluded && _settings.StopTokenIds.Contains(id))
        {
            return null;
        }

        var piece = _decoder.Add(id);
        if (_shape.Logprobs is not null)
        {
            _waiting.Add((new ShownToken(id, logprobs, _offset), _decoded, _decoded + piece.Length));
            _offset += CodePoints(piece);
        }

        _decoded += piece.Length;
        return Show(Tokens > _settings.MinTokens ? _stops.Add(piece, Tokens) : new StopStringResult(_stops.Begin(piece), null));
    }

    /// <summary>The last delta of an answer that its sequence ended.</summary>
    public AnswerDelta Complete(SequenceEnd end)
    {
        var last = _stops.Add(_decoder.Finish(), Tokens);
        if (last.Match is null)
        {
            var reason = end.Reason == FinishReason.Stop ? AnswerEnd.Stop : AnswerEnd.Length;
            var stopToken = end.StopToken is { } id && _settings.ClientStops.Contains(id) ? JsonValue.Create(id) : null;
            End = new AnswerEnd(reason, stopToken);
            return new AnswerDelta(last.Text + _stops.Finish(), TakeTokens(_ => true), TakeIds(), Tokens, End);
        }

        return Show(last)!;
    }

    public static int CodePoints(string text)
    {
        var count = text.Length;
        for (var i = 1; i < text.Length; i++)
        {
            count -= char.IsSurrogatePair(text[i - 1], text[i]) ? 1 : 0;
        }

        return count;
    }

    /// <summary>A decoder behind the prompt's end; where that is half a character, one at a text's start: it is no part of the answer.</summary>
    private static IStreamDecoder CreateDecoder(TextTokenizer tokenizer, int[] prompt, SpecialTokens special)
    {
        var context = prompt[^Math.Min(prompt.Length, ContextTokens)..];
        var probe = Prime(tokenizer.CreateStreamDecoder(special), context);
        var decoder = tokenizer.CreateStreamDecoder(special);
        return probe.Finish().Length == 0 ? Prime(decoder, context) : decoder;
    }

    private static IStreamDecoder Prime(IStreamDecoder decoder, int[] context)
    {
        foreach (var id in context)
        {
            decoder.Add(id);
        }

        return decoder;
    }

    private AnswerDelta? Show(in StopStringResult result)
    {
        _released += result.Text.Length;
        if (result.Match is { } match)
        {
            End = new AnswerEnd(AnswerEnd.Stop, JsonValue.Create(match.StopString));
            return new AnswerDelta(result.Text, TakeTokens(token => token.Start < _released), TakeIds(), Tokens, End);
        }

        return result.Text.Length == 0 ? null : new AnswerDelta(result.Text, TakeTokens(token => token.End <= _released), TakeIds(), Tokens);
    }

    private IReadOnlyList<ShownToken> TakeTokens(Func<(ShownToken Token, int Start, int End), bool> isShown)
    {
        if (_waiting.Count == 0)
        {
            return [];
        }

        var taken = _waiting.TakeWhile(isShown).Select(token => token.Token).ToArray();
        _waiting.RemoveRange(0, taken.Length);
        return taken;
    }

    private IReadOnlyList<int> TakeIds()
    {
        if (_ids.Count == 0)
        {
            return [];
        }

        int[] ids = [.. _ids];
        _ids.Clear();
        return ids;
    }
}
