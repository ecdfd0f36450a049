using Xunit;

namespace OrleansLLM.Testing;

public abstract partial class GeneratorBehaviour
{
    [Fact]
    public async Task A_request_gives_the_models_tokens_and_ends_at_its_limit()
    {
        var generator = await StartAsync(DefaultOptions);
        var request = CreateRequest();
        var sequences = await SubmitAsync(generator, request);

        var answer = await ReadAsync(generator, Assert.Single(sequences), request.PromptIds.Length);

        Assert.Equal(Expected(request), answer.Tokens);
        Assert.Equal(FinishReason.Length, answer.End!.Reason);
        Assert.Empty(answer.Logprobs);
    }

    [Fact]
    public async Task A_stream_can_begin_at_any_position_with_the_prompt_as_its_beginning()
    {
        var generator = await StartAsync(DefaultOptions);
        var request = CreateRequest();
        var sequence = (await SubmitAsync(generator, request))[0];
        int[] all = [.. request.PromptIds.ToArray(), .. Expected(request)];
        for (var from = 0; from <= all.Length; from++)
        {
            Assert.Equal(all[from..], (await ReadAsync(generator, sequence, from)).Tokens);
        }
    }

    [Fact]
    public async Task A_reader_that_comes_after_the_end_gets_the_same_tokens_as_one_that_was_there()
    {
        var generator = await StartAsync(DefaultOptions);
        var request = CreateRequest(30);
        var sequence = (await SubmitAsync(generator, request))[0];
        var first = await ReadAsync(generator, sequence, 0);
        var late = await ReadAsync(generator, sequence, 0);
        Assert.Equal(first.Tokens, late.Tokens);
        Assert.Equal(first.End, late.End);
    }

    [Fact]
    public async Task Several_readers_get_the_same_tokens()
    {
        var generator = await StartAsync(DefaultOptions);
        var request = CreateRequest(200);
        var sequence = (await SubmitAsync(generator, request))[0];
        var answers = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => ReadAsync(generator, sequence, request.PromptIds.Length)));
        Assert.All(answers, answer => Assert.Equal(Expected(request), answer.Tokens));
    }

    [Fact]
    public async Task A_slow_reader_delays_nobody()
    {
        var generator = await StartAsync(DefaultOptions);
        var request = CreateRequest(300);
        var sequence = (await SubmitAsync(generator, request))[0];
        await using var slow = await EnterAsync(generator, sequence, 0);

        Assert.Equal(300, (await ReadAsync(generator, sequence, request.PromptIds.Length)).Tokens.Count);

        var read = slow.Current.Ids.Length;
        while (await slow.MoveNextAsync())
        {
            read += slow.Current.Ids.Length;
        }

        Assert.Equal(300 + request.PromptIds.Length, read);
    }

    [Fact]
    public async Task When_the_last_reader_leaves_without_linger_the_sequence_is_cancelled()
    {
        var generator = await StartAsync(DefaultOptions);
        var sequence = (await SubmitAsync(generator, CreateRequest(Endless)))[0];
        var one = await EnterAsync(generator, sequence, 0);
        var other = await EnterAsync(generator, sequence, 0);

        await one.DisposeAsync();
        Assert.NotEqual(SequencePhase.Ended, (await generator.DescribeAsync(sequence, Cancellation))!.Phase);
        await other.DisposeAsync();

        Assert.Equal(FinishReason.Cancelled, (await EndOfAsync(generator, sequence)).End!.Reason);
    }

    [Fact]
    public async Task A_reader_that_comes_back_within_the_linger_goes_on_where_it_was()
    {
        var generator = await StartAsync(DefaultOptions);
        var request = CreateRequest(Endless) with { Linger = TimeSpan.FromSeconds(20) };
        var sequence = (await SubmitAsync(generator, request))[0];
        var reader = await EnterAsync(generator, sequence, 0);
        var next = reader.Current.Start + reader.Current.Ids.Length;
        await reader.DisposeAsync();
        Time.Advance(TimeSpan.FromSeconds(19));

        var again = await EnterAsync(generator, sequence, next);
        Assert.Equal(next, again.Current.Start);
        Time.Advance(TimeSpan.FromSeconds(19));
        Assert.NotEqual(SequencePhase.Ended, (await generator.DescribeAsync(sequence, Cancellation))!.Phase);

        await again.DisposeAsync();
        Time.Advance(TimeSpan.FromSeconds(21));
        Assert.Equal(FinishReason.Cancelled, (await EndOfAsync(generator, sequence)).End!.Reason);
    }

    [Fact]
    public async Task The_submitter_counts_as_reader_for_ten_seconds()
    {
        var generator = await StartAsync(DefaultOptions);
        var sequence = (await SubmitAsync(generator, CreateRequest(Endless)))[0];
        Time.Advance(TimeSpan.FromSeconds(9));
        Assert.NotEqual(SequencePhase.Ended, (await generator.DescribeAsync(sequence, Cancellation))!.Phase);
        Time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(FinishReason.Cancelled, (await EndOfAsync(generator, sequence)).End!.Reason);
    }

    [Fact]
    public async Task A_reader_that_is_cancelled_leaves()
    {
        var generator = await StartAsync(DefaultOptions);
        var sequence = (await SubmitAsync(generator, CreateRequest(Endless)))[0];
        using var leaving = new CancellationTokenSource();
        var reading = Task.Run(
            async () =>
            {
                await foreach (var range in generator.ReadAsync(sequence, 0, leaving.Token).WithCancellation(leaving.Token))
                {
                    if (range.Start > 20)
                    {
                        await leaving.CancelAsync();
                    }
                }
            },
            Cancellation);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading);
        Assert.Equal(FinishReason.Cancelled, (await EndOfAsync(generator, sequence)).End!.Reason);
    }

    [Fact]
    public async Task An_unknown_sequence_is_said_so()
    {
        var generator = await StartAsync(DefaultOptions);
        var unknown = new SequenceId(RequestId.Create(), 0);
        await Assert.ThrowsAsync<UnknownSequenceException>(() => ReadAsync(generator, unknown, 0));
        await Assert.ThrowsAsync<UnknownSequenceException>(() => generator.ForkAsync(unknown, 1, 1, Cancellation).AsTask());
        Assert.Null(await generator.ChangeAsync(unknown, new SequenceChange(Priority: 1), Cancellation));
        Assert.False(await generator.FinishAsync(unknown, 1, FinishReason.Stop, Cancellation));
        Assert.Null(await generator.DescribeAsync(unknown, Cancellation));
        await generator.CancelAsync(unknown.Request, Cancellation);
    }

    [Fact]
    public async Task Tokens_at_and_behind_the_end_mark_are_not_shown()
    {
        var generator = await StartAsync(DefaultOptions);
        var request = CreateRequest(Endless);
        var sequence = (await SubmitAsync(generator, request))[0];
        var prompt = request.PromptIds.Length;
        await using var reader = await EnterAsync(generator, sequence, prompt + 7);

        Assert.True(await generator.FinishAsync(sequence, prompt + 5, FinishReason.Stop, Cancellation));
        Assert.False(await generator.FinishAsync(sequence, prompt + 3, FinishReason.Stop, Cancellation));

        var answer = await ReadAsync(generator, sequence, prompt);
        Assert.Equal(Expected(request with { MaxTokens = 5 }), answer.Tokens);
        Assert.Equal(FinishReason.Stop, answer.End!.Reason);
        Assert.Equal(prompt + 5, (await EndOfAsync(generator, sequence)).Tokens);
    }

    [Fact]
    public async Task The_end_mark_also_cuts_an_answer_that_had_ended_by_itself()
    {
        var generator = await StartAsync(DefaultOptions);
        var request = CreateRequest(10);
        var sequence = (await SubmitAsync(generator, request))[0];
        await ReadAsync(generator, sequence, 0);
        Assert.True(await generator.FinishAsync(sequence, request.PromptIds.Length + 4, FinishReason.Stop, Cancellation));
        var answer = await ReadAsync(generator, sequence, request.PromptIds.Length);
        Assert.Equal(4, answer.Tokens.Count);
        Assert.Equal(FinishReason.Stop, answer.End!.Reason);
    }
}
