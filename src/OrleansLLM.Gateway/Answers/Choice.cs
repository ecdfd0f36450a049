using OrleansLLM.Gateway.Http;
using OrleansLLM.Gateway.Metrics;
using OrleansLLM.Gateway.Requests;

namespace OrleansLLM.Gateway.Answers;

/// <summary>One answer of a request: reads its sequence and hands out what it adds.</summary>
internal sealed class Choice(int index, SequenceId sequence, Prompt prompt, GenerationInput input, AnswerText text)
{
    /// <summary>About what a token's id and text take until its answer is sent.</summary>
    private const int BytesPerToken = 64;

    private readonly List<AnswerDelta> _deltas = [];
    private bool _hasEchoed = input.Shape.Echo == PromptEcho.None;

    public int Index { get; } = index;

    public SequenceId Sequence { get; } = sequence;

    public Prompt Prompt { get; } = prompt;

    public int CompletionTokens => text.Tokens;

    /// <summary>One entry a prompt token, filled before the first delta, where the shape needs it.</summary>
    public TokenLogprobs?[] PromptLogprobs { get; } = input.Shape.NeedsPrompt ? new TokenLogprobs?[prompt.Ids.Length] : [];

    /// <summary>Called once, when the sequence waits no more: something of it, if only its end, was read.</summary>
    public required Action OnStart { get; init; }

    /// <summary>Whether the sequence has ended, so that nothing needs to be cancelled.</summary>
    public bool HasEnded { get; private set; }

    /// <summary>
    /// Reads to the end, or to a stop string. Gives how the answer ended, null where <paramref name="held"/> has no room for it: one that is
    /// complete stays so, whatever becomes of its sequence.
    /// </summary>
    public async Task<SequenceEnd?> ReadAsync(
        IGenerator generator, IAnswerSink sink, ByteReservation held, ChoiceTimer timer, CancellationToken cancellation)
    {
        var from = input.Shape.NeedsPrompt ? 0 : Prompt.Ids.Length;
        var hasStarted = false;
        await foreach (var range in generator.ReadAsync(Sequence, from, cancellation))
        {
            if (!hasStarted)
            {
                hasStarted = true;
                OnStart();
            }

            if (BytesOf(range) is > 0 and var bytes && !held.TryAdd(bytes))
            {
                return null;
            }

            var before = CompletionTokens;
            Take(range);
            timer.OnTokens(CompletionTokens - before);
            HasEnded = range.End is not null;
            var finish = text.End is not null && !HasEnded ? FinishAsync(generator, cancellation) : Task.FromResult(HasEnded);
            if (_deltas.Count > 0)
            {
                await sink.WriteAsync(this, _deltas, cancellation);
                _deltas.Clear();
            }

            if (EndOf(range) is { } end)
            {
                timer.OnEnd(end.Reason, Prompt.Ids.Length, CompletionTokens);
                HasEnded = await finish;
                return end;
            }
        }

        return new SequenceEnd(FinishReason.Failed, Message: "The sequence's tokens ended without its end.");
    }

    private SequenceEnd? EndOf(in TokenRange range) => text.End switch
    {
        null => range.End,
        { Reason: AnswerEnd.Length } => new SequenceEnd(FinishReason.Length),
        _ => new SequenceEnd(FinishReason.Stop),
    };

    /// <summary>Tells the generator where a stop string ended the answer; false where it did not hear, so that the sequence is cancelled.</summary>
    private async Task<bool> FinishAsync(IGenerator generator, CancellationToken cancellation)
    {
        try
        {
            await generator.FinishAsync(Sequence, Prompt.Ids.Length + CompletionTokens, FinishReason.Stop, cancellation);
            return true;
        }
        catch (Exception)
        {
            return false;
        }
    }

    /// <summary>What of it is kept until the request ends: of a stream only the prompt's log probabilities.</summary>
    private long BytesOf(in TokenRange range)
    {
        if (input.Stream is not null && range.Start >= Prompt.Ids.Length)
        {
            return 0;
        }

        var bytes = input.Stream is null ? (long)BytesPerToken * range.Ids.Length : 0;
        foreach (var logprobs in range.Logprobs.Span)
        {
            bytes += logprobs?.Bytes ?? 0;
        }

        return bytes;
    }

    private void Take(in TokenRange range)
    {
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
        }
    }

    private void Echo()
    {
        if (_hasEchoed)
        {
            return;
        }

        _hasEchoed = true;
        _deltas.Add(new AnswerDelta(Prompt.Echo, input.Shape.Logprobs is null ? [] : PromptTokens(), [], 0));
    }

    private ShownToken[] PromptTokens()
    {
        var offsets = TokenTexts.Offsets(input.Model.Tokenizer, Prompt.Ids, Prompt.Echo);
        return [.. Prompt.Ids.Select((id, i) => new ShownToken(id, PromptLogprobs[i], offsets[i]))];
    }

    private void Append(AnswerDelta? delta)
    {
        if (delta is not null)
        {
            _deltas.Add(delta);
        }
    }
}
