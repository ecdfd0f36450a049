using System.Globalization;

namespace OrleansLLM.Gateway.Answers;

internal enum AnswerKind
{
    Completion,
    Chat,
}

/// <summary>What clients know an answer by: what it is, and the id of its first request. Written <c>cmpl-…</c> or <c>chatcmpl-…</c>.</summary>
internal readonly record struct AnswerId(AnswerKind Kind, RequestId Request)
{
    private const string Completion = "cmpl-";
    private const string Chat = "chatcmpl-";

    public static bool TryParse(ReadOnlySpan<char> text, out AnswerId id)
    {
        var kind = text.StartsWith(Chat, StringComparison.Ordinal) ? AnswerKind.Chat : AnswerKind.Completion;
        var prefix = PrefixOf(kind);
        id = default;
        if (!text.StartsWith(prefix, StringComparison.Ordinal)
            || !RequestId.TryParse(text[prefix.Length..], out var request)
            || text[prefix.Length..].ContainsAnyInRange('A', 'F')) // one text for each id
        {
            return false;
        }

        id = new AnswerId(kind, request);
        return true;
    }

    public override string ToString() => $"{PrefixOf(Kind)}{Request}";

    private static string PrefixOf(AnswerKind kind) => kind == AnswerKind.Chat ? Chat : Completion;
}

/// <summary>What can be followed: an answer with all its choices, or one of them. Written <c>ID</c> or <c>ID.k</c>.</summary>
/// <param name="Choice">Its index; null = all.</param>
internal readonly record struct AnswerAddress(AnswerId Answer, int? Choice)
{
    public static bool TryParse(ReadOnlySpan<char> text, out AnswerAddress address)
    {
        var dot = text.IndexOf('.');
        int? choice = null;
        address = default;
        if (dot >= 0)
        {
            var digits = text[(dot + 1)..];
            if ((digits.Length > 1 && digits[0] == '0') || digits.ContainsAnyExceptInRange('0', '9') || !int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var index))
            {
                return false;
            }

            choice = index;
        }

        if (!AnswerId.TryParse(dot < 0 ? text : text[..dot], out var answer))
        {
            return false;
        }

        address = new AnswerAddress(answer, choice);
        return true;
    }

    public override string ToString() =>
        Choice is { } choice ? string.Create(CultureInfo.InvariantCulture, $"{Answer}.{choice}") : Answer.ToString();
}
