using OrleansLLM.Gateway.Http;
using OrleansLLM.Gateway.Metrics;
using OrleansLLM.Gateway.OpenAI;
using OrleansLLM.Text;

namespace OrleansLLM.Gateway.Answers;

/// <summary>
/// One client's reading of an answer, of all its choices or of one, from where the client stands to the end. When it ends, by its end, an error or a
/// client that leaves, its readers have left, and nothing else is done to the sequences.
/// </summary>
/// <param name="cursor">Where the client stands.</param>
/// <param name="held">For what is kept until the answer is sent; the caller's.</param>
internal sealed class AnswerReading(GatewayCall call, Answer answer, StreamCursor cursor, ByteReservation held)
{
    private readonly long _arrival = call.Server.Time.GetTimestamp();
    private volatile bool _hasCountedEnd;

    /// <summary>Called by each choice once, when something of it was read.</summary>
    public Action OnStart { get; init; } = static () => { };

    /// <summary>In the order of their index: prompt by prompt, n answers each; only one where the cursor is of that one.</summary>
    public IReadOnlyList<Choice> Choices => field ??= CreateChoices();

    /// <summary>
    /// Reads all choices at once; the first that fails ends the others. One of a stream that was cancelled does not: the others may go on, or give what
    /// they have until they were cancelled, too.
    /// </summary>
    public async ValueTask<ApiError?> ReadAsync(IAnswerSink sink)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(call.Aborted);
        ApiError? error = null;
        await Task.WhenAll(Choices.Select(ReadOneAsync));
        CountAnswer(error);
        return error;

        async Task ReadOneAsync(Choice choice)
        {
            var timer = StartTimer(choice);
            try
            {
                var end = await choice.ReadAsync(call.Server.Generator, sink, held, timer, stop.Token);
                error ??= end is null ? NoRoom(call) : ApiError.From(end, call.RequestId, call.Server.Options.RetryAfter);
                await (EndsOthers(end) ? stop.CancelAsync() : Task.CompletedTask);
            }
            catch (UnknownSequenceException)
            {
                error ??= ApiError.UnknownAnswer(answer.Id.ToString());
                await stop.CancelAsync();
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested && !call.Aborted.IsCancellationRequested)
            {
                // Another answer failed, and tells why.
            }
            catch
            {
                Leave(choice, timer);
                await stop.CancelAsync();
                throw;
            }
            finally
            {
                await LeaveAsync(timer);
            }
        }
    }

    /// <summary>Prompts count once, however many answers they have. The answers are complete: what can't be asked about them is left out.</summary>
    public async ValueTask<Usage> GetUsageAsync()
    {
        int? cached = null;
        var prompts = Choices.DistinctBy(choice => choice.Sequence.Request).ToList();
        try
        {
            foreach (var choice in prompts)
            {
                var description = await call.Server.Generator.DescribeAsync(new SequenceId(choice.Sequence.Request, 0), call.Aborted);
                cached = description is null ? cached : (cached ?? 0) + description.CachedTokens;
            }
        }
        catch (Exception) when (!call.Aborted.IsCancellationRequested)
        {
            cached = null;
        }

        return new Usage(prompts.Sum(choice => choice.Prompt.Ids.Length), Choices.Sum(choice => choice.CompletionTokens))
        {
            PromptTokensDetails = cached is { } tokens ? new PromptTokensDetails(tokens) : null,
        };
    }

    public static ApiError NoRoom(GatewayCall call) => ApiError.Unavailable(
        "The answers that are being collected hold all the memory that they may (--max-collected-bytes): stream this one, ask for fewer log probabilities, or try again later.",
        call.Server.Options.RetryAfter);

    private List<Choice> CreateChoices()
    {
        var shape = answer.Input.Shape;
        var stops = new StopStrings(shape.Stop, shape.StopText);
        return
        [
            .. Enumerable.Range(cursor.Of.Choice ?? 0, cursor.Choices).Select(index => new Choice(
                answer,
                index,
                new AnswerText(answer.Input.Model, answer.PromptOf(index), answer.Input.Settings, shape, stops.NewStream()),
                cursor[index])
            {
                OnStart = OnStart,
            }),
        ];
    }

    private bool EndsOthers(SequenceEnd? end) =>
        end?.Reason is not (FinishReason.Stop or FinishReason.Length) && (end?.Reason != FinishReason.Cancelled || answer.Input.Stream is null);

    private ChoiceTimer StartTimer(Choice choice) =>
        call.Server.Metrics.Start(answer.Input.Model, answer.RequestOf(choice.Index), choice.Sequence, _arrival);

    private async ValueTask LeaveAsync(ChoiceTimer timer)
    {
        if (timer.HasCountedEnd)
        {
            _hasCountedEnd = true;
        }

        await timer.LeaveAsync(call.Server.Generator);
    }

    /// <summary>A client that reads again what was counted does not count.</summary>
    private void CountAnswer(ApiError? error)
    {
        if (error is null && cursor.Of.Choice is null && _hasCountedEnd)
        {
            call.Server.Metrics.OnAnswered(answer.Requests[0], Choices.Max(choice => choice.CompletionTokens), _arrival);
        }
    }

    /// <summary>Where it goes on without its client, stop strings are looked for, too: <see cref="RequestLinger"/> says how long.</summary>
    private void Leave(Choice choice, ChoiceTimer timer)
    {
        if (answer.Input.Shape.Stop.Count > 0 && answer.RequestOf(choice.Index).Linger > TimeSpan.Zero)
        {
            _ = LingerAsync(choice, timer);
        }
    }

    private async Task LingerAsync(Choice choice, ChoiceTimer timer)
    {
        using var patience = new CancellationTokenSource(RequestLinger.OfReader(answer.RequestOf(choice.Index).Linger), call.Server.Time);
        try
        {
            await choice.LingerAsync(call.Server.Generator, timer, patience.Token);
        }
        catch (Exception)
        {
            // Nobody waits for it: whoever goes on with the answer reads it anew.
        }
    }
}
