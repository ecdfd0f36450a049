using System.Globalization;
using System.Text;
using System.Text.Unicode;
using OrleansLLM.Text;

namespace OrleansLLM.Gateway.Answers;

/// <summary>A single token as text. Half a character has none, so its bytes are written out, in the form that OpenAI uses.</summary>
internal static class TokenTexts
{
    /// <summary>The least that JSON can say of an impossible token (as vLLM).</summary>
    public const float LeastLogprob = -9999;

    public static string Text(TextTokenizer tokenizer, int id)
    {
        var bytes = tokenizer.GetBytes(id).Span;
        if (Utf8.IsValid(bytes))
        {
            return Encoding.UTF8.GetString(bytes);
        }

        var text = new StringBuilder("bytes:");
        foreach (var value in bytes)
        {
            text.Append(CultureInfo.InvariantCulture, $"\\x{value:x2}");
        }

        return text.ToString();
    }

    public static IReadOnlyList<int> Bytes(TextTokenizer tokenizer, int id)
    {
        var bytes = tokenizer.GetBytes(id).Span;
        var numbers = new int[bytes.Length];
        for (var i = 0; i < bytes.Length; i++)
        {
            numbers[i] = bytes[i];
        }

        return numbers;
    }

    public static float Finite(float logprob) => float.IsNaN(logprob) ? LeastLogprob : Math.Max(logprob, LeastLogprob);

    /// <summary>
    /// Where each token of a prompt begins in the text that the client sent, in code points. A token that the text does not have there
    /// (an added BOS) takes no room.
    /// </summary>
    public static int[] Offsets(TextTokenizer tokenizer, IReadOnlyList<int> ids, string text)
    {
        var decoder = tokenizer.CreateStreamDecoder(SpecialTokens.Keep);
        var offsets = new int[ids.Count];
        var at = 0;
        var offset = 0;
        for (var i = 0; i < ids.Count; i++)
        {
            offsets[i] = offset;
            var piece = decoder.Add(ids[i]);
            if (!text.AsSpan(at).StartsWith(piece, StringComparison.Ordinal))
            {
                piece = piece.TrimStart(' ');
            }

            if (text.AsSpan(at).StartsWith(piece, StringComparison.Ordinal))
            {
                at += piece.Length;
                offset += AnswerText.CodePoints(piece);
            }
        }

        return offsets;
    }
}
