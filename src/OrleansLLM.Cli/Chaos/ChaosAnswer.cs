using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;

namespace OrleansLLM.Cli.Chaos;

/// <summary>How a choice compares with the one that nothing disturbed.</summary>
internal enum Verdict
{
    Same,

    /// <summary>It has a hole, or an end too early.</summary>
    Lost,

    /// <summary>A part stands twice.</summary>
    Duplicate,

    /// <summary>It says something else.</summary>
    Wrong,

    /// <summary>The client got an error, or nothing more for too long.</summary>
    Failed,
}

/// <summary>What a client has received of a request. One thread at a time; <see cref="OpenChoices"/> any.</summary>
internal sealed class ChaosAnswer(int choices)
{
    private readonly Choice[] _choices = [.. Enumerable.Range(0, choices).Select(_ => new Choice())];
    private readonly HashSet<string> _eventIds = [];
    private string? _otherId;
    private int _repeated;
    private int _ended;

    /// <summary>The answer's id, the same in all its events.</summary>
    public string? Id { get; set; }

    /// <summary>Why the client gave it up.</summary>
    public string? Failure { get; set; }

    /// <summary>As the usage says it.</summary>
    public int Tokens { get; private set; }

    public int Choices => choices;

    /// <summary>Choices without an end.</summary>
    public int OpenChoices => choices - Volatile.Read(ref _ended);

    /// <summary>One event's data, and its id where it has one.</summary>
    public void Add(string? eventId, JsonElement chunk)
    {
        _repeated += eventId is not null && !_eventIds.Add(eventId) ? 1 : 0;
        var id = chunk.GetProperty("id").GetString();
        Id ??= id;
        _otherId ??= id == Id ? null : id;
        foreach (var choice in chunk.GetProperty("choices").EnumerateArray())
        {
            _ended += _choices[choice.GetProperty("index").GetInt32()].Add(choice) ? 1 : 0;
        }

        if (chunk.TryGetProperty("usage", out var usage) && usage.ValueKind == JsonValueKind.Object)
        {
            Tokens = usage.GetProperty("completion_tokens").GetInt32();
        }
    }

    /// <summary>A verdict a choice.</summary>
    public IReadOnlyList<Verdict> Compare(ChaosAnswer undisturbed) => [.. _choices.Zip(undisturbed._choices, (had, expected) =>
        Failure is not null ? Verdict.Failed
        : _otherId is not null ? Verdict.Wrong
        : _repeated > 0 ? Verdict.Duplicate
        : had.Compare(expected))];

    /// <summary>Where it differs, in a sentence.</summary>
    public string Difference(ChaosAnswer undisturbed) =>
        Failure ?? (_otherId is not null ? $"the id {Id} became {_otherId}"
        : _repeated > 0 ? FormattableString.Invariant($"{_repeated} events came twice")
        : string.Join("; ", _choices.Zip(undisturbed._choices, (had, expected) => had.Difference(expected)).Where(text => text.Length > 0)));

    /// <summary>Whether no choice that is still open stands where it stood at a timestamp.</summary>
    public bool HasMoved(long since) => Array.TrueForAll(_choices, choice => choice.HasMoved(since));

    /// <summary>Of each choice that had not ended at <paramref name="from"/>, its longest pause between two events which ends in the interval.</summary>
    /// <param name="from">A timestamp of <see cref="Stopwatch"/>.</param>
    public IEnumerable<TimeSpan> Gaps(long from, long to) => _choices.Where(choice => choice.Times.Count > 1 && choice.Times[^1] > from).Select(choice => choice.Gap(from, to));

    private sealed class Choice
    {
        private readonly StringBuilder _text = new();
        private readonly List<string> _logprobs = [];
        private string? _finishReason;
        private long _last;
        private volatile bool _hasEnded;

        public bool HasMoved(long since) => _hasEnded || Volatile.Read(ref _last) > since;

        public List<long> Times { get; } = [];

        /// <summary>Whether this is its end.</summary>
        public bool Add(JsonElement choice)
        {
            _last = Stopwatch.GetTimestamp();
            Times.Add(_last);
            _text.Append(choice.TryGetProperty("text", out var text) ? text.GetString()
                : choice.GetProperty("delta").TryGetProperty("content", out var content) ? content.GetString() : null);
            if (choice.TryGetProperty("logprobs", out var logprobs) && logprobs.ValueKind == JsonValueKind.Object)
            {
                AddLogprobs(logprobs);
            }

            if (choice.TryGetProperty("finish_reason", out var reason) && reason.GetString() is { } end)
            {
                _finishReason = _finishReason is null ? end : $"{_finishReason} {end}";
                _hasEnded = true;
                return true;
            }

            return false;
        }

        public Verdict Compare(Choice expected)
        {
            var text = Compare(expected._text.ToString().AsSpan(), _text.ToString());
            var logprobs = Compare<string>(CollectionsMarshal.AsSpan(expected._logprobs), CollectionsMarshal.AsSpan(_logprobs));
            return text != Verdict.Same ? text
                : logprobs != Verdict.Same ? logprobs
                : _finishReason == expected._finishReason ? Verdict.Same
                : _finishReason is null ? Verdict.Lost : Verdict.Wrong;
        }

        public string Difference(Choice expected)
        {
            if (Compare(expected) == Verdict.Same)
            {
                return "";
            }

            var (had, wanted) = (_text.ToString(), expected._text.ToString());
            var same = had.AsSpan().CommonPrefixLength(wanted);
            return FormattableString.Invariant(
                $"{had.Length} characters for {wanted.Length}, the first {same} the same, then '{Part(had, same)}' for '{Part(wanted, same)}'; {_logprobs.Count} log probabilities for {expected._logprobs.Count}; {_finishReason} for {expected._finishReason}");
        }

        public TimeSpan Gap(long from, long to)
        {
            var longest = TimeSpan.Zero;
            for (var i = 1; i < Times.Count; i++)
            {
                if (Times[i] >= from && Times[i] <= to && Stopwatch.GetElapsedTime(Times[i - 1], Times[i]) is var pause && pause > longest)
                {
                    longest = pause;
                }
            }

            return longest;
        }

        private static string Part(string text, int at) => text.Substring(at, Math.Min(20, text.Length - at));

        private static Verdict Compare<T>(ReadOnlySpan<T> expected, ReadOnlySpan<T> had)
        {
            if (had.SequenceEqual(expected))
            {
                return Verdict.Same;
            }

            var rest = had[had.CommonPrefixLength(expected)..];
            return !expected.EndsWith(rest) ? Verdict.Wrong : had.Length < expected.Length ? Verdict.Lost : Verdict.Duplicate;
        }

        /// <summary>One text a token: the chat's elements as they are, of the completions' columns a row.</summary>
        private void AddLogprobs(JsonElement logprobs)
        {
            if (logprobs.TryGetProperty("content", out var content))
            {
                _logprobs.AddRange(content.EnumerateArray().Select(token => token.GetRawText()));
                return;
            }

            var columns = logprobs.EnumerateObject().Where(column => column.Value.ValueKind == JsonValueKind.Array).Select(column => column.Value).ToList();
            for (var row = 0; row < columns.Max(column => column.GetArrayLength()); row++)
            {
                _logprobs.Add(string.Join(' ', columns.Select(column => row < column.GetArrayLength() ? column[row].GetRawText() : "")));
            }
        }
    }
}
