using OrleansLLM.Gateway.Http;
using OrleansLLM.Gateway.Metrics;
using OrleansLLM.Gateway.Requests;

namespace OrleansLLM.Gateway.Answers;

/// <summary>One answer of a request: reads its sequence and hands out what it adds to what its client has.</summary>
/// <param name="had">What the client has already: it is made again, the same from the same tokens, and not handed out.</param>
internal sealed class Choice(Answer answer, int index, AnswerText text, ChoiceProgress had)
{
    /// <summary>About what a token's id and text take until its answer is sent.</summary>
    private const int BytesPerToken = 64;

    /// <summary>Tokens whose pieces are made before they are handed out, however many there are to read.</summary>
    private const int MostTogether = 256;

    private readonly GenerationInput _input = answer.Input;
    private readonly List<AnswerDelta> _deltas = [];
    private string? _fingerprint;
    private bool _endsWithSequence;
    private bool _hasEchoed = answer.Input.Shape.Echo == PromptEcho.None || had.Stage >= ChoiceStage.Echoed;

    public int Index { get; } = index;

    public SequenceId Sequence { get; } = answer.SequenceOf(index);

    public Prompt Prompt { get; } = answer.PromptOf(index);

    public int CompletionTokens => had.Stage == ChoiceStage.Ended ? had.Tokens : text.Tokens;

    /// <summary>Of what computed what was read last, as clients see it; null where that is not known.</summary>
    public string? SystemFingerprint { get; private set; }

    /// <summary>One entry a prompt token, filled before the first delta, where the shape needs it.</summary>
    public TokenLogprobs?[] PromptLogprobs { get; } =
        answer.Input.Shape.NeedsPrompt ? new TokenLogprobs?[answer.PromptOf(index).Ids.Length] : [];

    /// <summary>Called once, when the sequence waits no more: something of it, if only its end, was read.</summary>
    public required Action OnStart { get; init; }

    /// <summary>
    /// Reads to the end, or to a stop string. Gives how the answer ended, null where <paramref name="held"/> has no room for it: one that is
    /// complete stays so, whatever becomes of its sequence.
    /// </summary>
    public async Task<SequenceEnd?> ReadAsync(
        IGenerator generator, IAnswerSink sink, ByteReservation held, ChoiceTimer timer, CancellationToken cancellation)
    {
        if (had.Stage == ChoiceStage.Ended)
        {
            timer.OnHadEnd();
            return new SequenceEnd(FinishReason.Stop);
        }

        timer.OnHad(had.Tokens);
        var from = _input.Shape.NeedsPrompt && had.Stage < ChoiceStage.Echoed ? 0 : Prompt.Ids.Length;
        var hasStarted = false;
        await foreach (var range in generator.ReadAsync(Sequence, from, cancellation))
        {
            if (!hasStarted)
            {
                hasStarted = true;
                OnStart();
            }

            var (end, hasRoom) = await HandOutAllAsync(generator, sink, range, held, timer, cancellation);
            if (end is not null || !hasRoom)
            {
                return end;
            }
        }

        return new SequenceEnd(FinishReason.Failed, Message: "The sequence's tokens ended without its end.");
    }

    /// <summary>
    /// Goes on looking for a stop string where its client has left, so that nothing is computed behind one: to the end, or until
    /// <paramref name="patience"/> is over.
    /// </summary>
    public async Task LingerAsync(IGenerator generator, ChoiceTimer timer, CancellationToken patience)
    {
        await foreach (var range in generator.ReadAsync(Sequence, Prompt.Ids.Length + text.Tokens, patience))
        {
            Take(range);
            _deltas.Clear();
            Count(range, timer);
            if (EndOf(range) is not null)
            {
                await FinishAsync(generator, range, patience);
                return;
            }
        }
    }

    /// <summary>Piece by piece; how the answer ended, if it did, and whether there was room for it.</summary>
    private async ValueTask<(SequenceEnd? End, bool HasRoom)> HandOutAllAsync(
        IGenerator generator, IAnswerSink sink, TokenRange range, ByteReservation held, ChoiceTimer timer, CancellationToken cancellation)
    {
        var at = 0;
        try
        {
            do
            {
                var piece = Cut(range, at);
                if (BytesOf(piece) is > 0 and var bytes && !held.TryAdd(bytes))
                {
                    return (null, false);
                }

                at += MostTogether;
                if (await HandOutAsync(generator, sink, piece, timer, cancellation) is { } end)
                {
                    return (end, true);
                }
            }
            while (at < range.Ids.Length);
            return (null, true);
        }
        finally
        {
            CountRest(range, at, timer);
        }
    }

    private async ValueTask<SequenceEnd?> HandOutAsync(
        IGenerator generator, IAnswerSink sink, TokenRange piece, ChoiceTimer timer, CancellationToken cancellation)
    {
        Take(piece);
        Count(piece, timer);
        var finish = FinishAsync(generator, piece, cancellation);
        if (_deltas.Count > 0)
        {
            await sink.WriteAsync(this, _deltas, cancellation);
            _deltas.Clear();
        }

        if (EndOf(piece) is not { } end)
        {
            return null;
        }

        await finish;
        return end;
    }

    private void Count(in TokenRange range, ChoiceTimer timer)
    {
        var readBefore = range.ReadBefore - Prompt.Ids.Length;
        timer.OnTokens(CompletionTokens, readBefore);
        if (EndOf(range) is { } end)
        {
            // Who got the last token of a stop string first has ended the answer.
            var isCounted = text.End is null || _endsWithSequence ? range.IsEndRead : CompletionTokens <= readBefore;
            timer.OnEnd(end.Reason, Prompt.Ids.Length, CompletionTokens, isCounted);
        }
    }

    /// <summary>Nobody else is given as new what this reader got and its client did not.</summary>
    private void CountRest(in TokenRange range, int from, ChoiceTimer timer)
    {
        for (var at = from; at < range.Ids.Length; at += MostTogether)
        {
            var piece = Cut(range, at);
            Take(piece);
            _deltas.Clear();
            Count(piece, timer);
        }
    }

    private SequenceEnd? EndOf(in TokenRange range) => text.End switch
    {
        null => range.End,
        { Reason: AnswerEnd.Length } => new SequenceEnd(FinishReason.Length),
        _ => new SequenceEnd(FinishReason.Stop),
    };

    /// <summary>Tells the generator where a stop string ended the answer. One that does not hear it ends the sequence when its readers have left.</summary>
    private async Task FinishAsync(IGenerator generator, TokenRange range, CancellationToken cancellation)
    {
        if (text.End is null || range.End is not null)
        {
            return;
        }

        try
        {
            await generator.FinishAsync(Sequence, Prompt.Ids.Length + CompletionTokens, FinishReason.Stop, cancellation);
        }
        catch (Exception)
        {
            // The answer is complete all the same.
        }
    }

    /// <summary>What of it is kept until the request ends: of a stream only the prompt's log probabilities.</summary>
    private long BytesOf(in TokenRange range)
    {
        if (_input.Stream is not null && range.Start >= Prompt.Ids.Length)
        {
            return 0;
        }

        var bytes = _input.Stream is null ? (long)BytesPerToken * range.Ids.Length : 0;
        foreach (var logprobs in range.Logprobs.Span)
        {
            bytes += logprobs?.Bytes ?? 0;
        }

        return bytes;
    }

    /// <summary>The next tokens of a range, with its end where they are the last.</summary>
    private static TokenRange Cut(in TokenRange range, int at)
    {
        if (range.Ids.Length <= MostTogether)
        {
            return range;
        }

        var count = Math.Min(MostTogether, range.Ids.Length - at);
        return range with
        {
            Start = range.Start + at,
            Ids = range.Ids.Slice(at, count),
            Logprobs = range.Logprobs.IsEmpty ? default : range.Logprobs.Slice(at, count),
            End = at + count == range.Ids.Length ? range.End : null,
        };
    }

    private void Take(in TokenRange range)
    {
        if (range.Fingerprint is { } fingerprint && fingerprint != _fingerprint)
        {
            (_fingerprint, SystemFingerprint) = (fingerprint, Answers.SystemFingerprint.Of(fingerprint));
        }

        for (var i = 0; i < range.Ids.Length; i++)
        {
            var logprobs = range.Logprobs.IsEmpty ? null : range.Logprobs.Span[i];
            var position = range.Start + i;
            if (position < Prompt.Ids.Length)
            {
                PromptLogprobs[position] = logprobs;
            }
            else if (text.End is null)
            {
                Echo();
                Append(text.Add(range.Ids.Span[i], logprobs));
            }
        }

        if (range.End is { Reason: FinishReason.Stop or FinishReason.Length } end && text.End is null)
        {
            Echo();
            Append(text.Complete(end));
            _endsWithSequence = true;
        }
    }

    private void Echo()
    {
        if (_hasEchoed)
        {
            return;
        }

        _hasEchoed = true;
        _deltas.Add(new AnswerDelta(Prompt.Echo, _input.Shape.Logprobs is null ? [] : PromptTokens(), [], 0) { SystemFingerprint = SystemFingerprint });
    }

    private ShownToken[] PromptTokens()
    {
        var offsets = TokenTexts.Offsets(_input.Model.Tokenizer, Prompt.Ids, Prompt.Echo);
        return [.. Prompt.Ids.Select((id, i) => new ShownToken(id, PromptLogprobs[i], offsets[i]))];
    }

    private void Append(AnswerDelta? delta)
    {
        if (delta is not null && (delta.End is not null || delta.Drawn > had.Tokens))
        {
            delta.SystemFingerprint = SystemFingerprint;
            _deltas.Add(delta);
        }
    }
}
