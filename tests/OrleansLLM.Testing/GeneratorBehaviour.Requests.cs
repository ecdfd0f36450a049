using Xunit;

namespace OrleansLLM.Testing;

public abstract partial class GeneratorBehaviour
{
    [Fact]
    public async Task The_same_request_id_twice_is_the_same_group()
    {
        var generator = await StartAsync(DefaultOptions);
        var request = CreateRequest() with { Samples = 2 };
        var twice = await Task.WhenAll(SubmitAsync(generator, request), SubmitAsync(generator, request));
        await ReadAsync(generator, twice[0][0], 0);
        var later = await SubmitAsync(generator, request);
        Assert.Equal([new SequenceId(request.Id, 0), new SequenceId(request.Id, 1)], twice[0]);
        Assert.Equal(twice[0], twice[1]);
        Assert.Equal(twice[0], later);
    }

    [Fact]
    public async Task A_request_is_found_by_its_id_as_it_was_submitted()
    {
        var generator = await StartAsync(DefaultOptions);
        var request = CreateRequest() with { Samples = 2, Tenant = "tenant", Envelope = new byte[] { 1, 2, 3 } };
        Assert.Null(await generator.FindAsync(request.Id, Cancellation));
        var sequences = await SubmitAsync(generator, request);
        for (var time = 0; time < 2; time++)
        {
            var known = await generator.FindAsync(request.Id, Cancellation);
            Assert.Equal(Fields.Of(request), Fields.Of(known?.Request));
            Assert.Equal(sequences, known?.Sequences);
            await ReadGroupAsync(generator, request);
        }
    }

    [Fact]
    public async Task A_refused_request_is_not_found()
    {
        var generator = await StartAsync(DefaultOptions);
        var request = CreateRequest() with { Model = "fake", Samples = GenerationLimits.MaxSamples + 1 };
        Assert.IsType<SubmitResult.Refused>(await generator.SubmitAsync(request, Cancellation));
        Assert.Null(await generator.FindAsync(request.Id, Cancellation));
    }

    [Fact]
    public async Task One_answer_is_cancelled_alone_and_what_has_ended_stays_as_it_ended()
    {
        var generator = await StartAsync(DefaultOptions);
        var request = CreateRequest(Endless) with { Samples = 2 };
        var sequences = await SubmitAsync(generator, request);
        await using var other = await EnterAsync(generator, sequences[1], 0);
        Assert.True(await generator.FinishAsync(sequences[0], int.MaxValue, FinishReason.Cancelled, Cancellation));
        Assert.Equal(FinishReason.Cancelled, (await EndOfAsync(generator, sequences[0])).End!.Reason);
        Assert.NotEqual(SequencePhase.Ended, (await generator.DescribeAsync(sequences[1], Cancellation))!.Phase);

        var ended = (await SubmitAsync(generator, CreateRequest(5)))[0];
        await ReadAsync(generator, ended, 0);
        Assert.False(await generator.FinishAsync(ended, int.MaxValue, FinishReason.Cancelled, Cancellation));
        Assert.Equal(FinishReason.Length, (await EndOfAsync(generator, ended)).End!.Reason);
    }

    [Fact]
    public async Task Cancelling_a_request_ends_all_its_answers()
    {
        var generator = await StartAsync(DefaultOptions);
        var request = CreateRequest(Endless) with { Samples = 3 };
        var sequences = await SubmitAsync(generator, request);
        await using var reader = await EnterAsync(generator, sequences[1], 0);
        await generator.CancelAsync(request.Id, Cancellation);
        foreach (var sequence in sequences)
        {
            Assert.Equal(FinishReason.Cancelled, (await EndOfAsync(generator, sequence)).End!.Reason);
        }

        SequenceEnd? end = null;
        while (await reader.MoveNextAsync())
        {
            end = reader.Current.End;
        }

        Assert.Equal(FinishReason.Cancelled, end!.Reason);
    }

    [Fact]
    public async Task A_stop_token_ends_the_answer_and_is_its_last_token()
    {
        var generator = await StartAsync(DefaultOptions);
        var request = CreateRequest(40);
        var expected = Expected(request);
        var stop = expected[6];
        var first = Array.IndexOf(expected, stop);
        var sequence = (await SubmitAsync(generator, request with { StopTokenIds = [stop] }))[0];
        var answer = await ReadAsync(generator, sequence, request.PromptIds.Length);
        Assert.Equal(expected[..(first + 1)], answer.Tokens);
        Assert.Equal(new SequenceEnd(FinishReason.Stop, stop), answer.End);
    }

    [Fact]
    public async Task A_stop_token_is_not_drawn_before_the_minimum()
    {
        var generator = await StartAsync(DefaultOptions);
        var request = CreateRequest(40);
        var stop = Expected(request)[2];
        var sequence = (await SubmitAsync(generator, request with { StopTokenIds = [stop], MinTokens = 20 }))[0];
        var answer = await ReadAsync(generator, sequence, request.PromptIds.Length);
        Assert.DoesNotContain(stop, answer.Tokens.Take(20));
        Assert.True(answer.Tokens.Count > 20);
    }

    [Fact]
    public async Task A_seed_gives_the_same_tokens_alone_and_among_others()
    {
        var generator = await StartAsync(DefaultOptions);
        var request = CreateRequest(30) with { Samples = 3, Sampling = new SamplingParameters { Seed = 7, Temperature = 0.9f, TopP = 0.95f } };
        var alone = await ReadGroupAsync(generator, request);
        var among = await Task.WhenAll(Enumerable.Range(0, 4).Select(i => ReadGroupAsync(
            generator,
            request with { Id = RequestId.Create(), Sampling = request.Sampling with { Seed = i == 2 ? 7u : 100u + (ulong)i } })));
        Assert.Equal(alone, among[2]);
        Assert.NotEqual(alone, among[1]);
        Assert.NotEqual(alone[0], alone[1]);
    }

    [Fact]
    public async Task Samples_of_a_greedy_request_are_equal_and_the_prompt_is_computed_once()
    {
        var generator = await StartAsync(DefaultOptions);
        var request = CreateRequest(20) with { Samples = 4 };
        var answers = await ReadGroupAsync(generator, request);
        Assert.All(answers, answer => Assert.Equal(Expected(request), answer));
    }

    [Fact]
    public async Task More_samples_than_a_step_has_room_for_are_served_one_after_another()
    {
        var generator = await StartAsync(DefaultOptions with { MaxSequences = 3 });
        var request = CreateRequest(20) with { Samples = 7 };
        Assert.All(await ReadGroupAsync(generator, request), answer => Assert.Equal(Expected(request), answer));
    }

    [Fact]
    public async Task Log_probabilities_come_with_tokens_and_with_the_prompt()
    {
        var generator = await StartAsync(DefaultOptions);
        var request = CreateRequest(5) with { Sampling = new SamplingParameters { Temperature = 0, Logprobs = 2, PromptLogprobs = 3 } };
        await ReadGroupAsync(generator, CreateRequest(5));
        var sequence = (await SubmitAsync(generator, request))[0];
        var answer = await ReadAsync(generator, sequence, 0);
        int[] all = [.. request.PromptIds.ToArray(), .. Expected(request)];
        Assert.Equal(all, answer.Tokens);
        Assert.Equal(all.Length, answer.Logprobs.Count);
        Assert.Null(answer.Logprobs[0]);
        for (var i = 1; i < all.Length; i++)
        {
            CheckLogprobs(answer.Logprobs[i]!, CreateModel().Logits(all.AsSpan(0, i), request.PromptIds.Length), all[i]);
            Assert.Equal(i < request.PromptIds.Length ? 3 : 2, answer.Logprobs[i]!.TopIds.Length);
        }
    }

    [Fact]
    public async Task Without_new_tokens_only_the_prompt_is_scored()
    {
        var generator = await StartAsync(DefaultOptions);
        var request = CreateRequest(0) with { Sampling = new SamplingParameters { PromptLogprobs = 0 } };
        var answer = await ReadAsync(generator, (await SubmitAsync(generator, request))[0], 0);
        Assert.Equal(request.PromptIds.ToArray(), answer.Tokens);
        Assert.Equal(request.PromptIds.Length, answer.Logprobs.Count);
        Assert.Equal(FinishReason.Length, answer.End!.Reason);
    }

    [Fact]
    public async Task A_fork_shares_the_tokens_before_it_and_the_sequence_goes_on()
    {
        var generator = await StartAsync(DefaultOptions);
        var request = CreateRequest(Endless);
        var sequence = (await SubmitAsync(generator, request))[0];
        var at = request.PromptIds.Length + 6;
        await using var reader = await EnterAsync(generator, sequence, at);
        await generator.ChangeAsync(sequence, new SequenceChange(MaxTokens: 12_000), Cancellation);
        var forked = await generator.ForkAsync(sequence, at, 2, Cancellation);
        var children = Accepted(forked);
        Assert.Equal([new SequenceId(request.Id, 1), new SequenceId(request.Id, 2)], children);

        int[] all = [.. request.PromptIds.ToArray(), .. Expected(request with { MaxTokens = 12_000 })];
        foreach (var child in children)
        {
            Assert.Equal(all, (await ReadAsync(generator, child, 0)).Tokens);
        }

        Assert.Equal(all, (await ReadAsync(generator, sequence, 0)).Tokens);
    }

    [Fact]
    public async Task An_ended_sequence_can_be_forked_also_inside_its_prompt()
    {
        var generator = await StartAsync(DefaultOptions);
        var request = CreateRequest(10);
        var sequence = (await SubmitAsync(generator, request))[0];
        var all = (await ReadAsync(generator, sequence, 0)).Tokens;
        foreach (var at in new[] { 1, 4, request.PromptIds.Length, request.PromptIds.Length + 3 })
        {
            var forked = await generator.ForkAsync(sequence, at, 1, Cancellation);
            var answer = await ReadAsync(generator, Accepted(forked)[0], 0);
            var prompt = Math.Min(at, request.PromptIds.Length);
            Assert.Equal(all[..at], answer.Tokens[..at]);
            Assert.Equal(CreateModel().Continue(answer.Tokens.ToArray().AsSpan(0, at), prompt, 10 - (at - prompt)), answer.Tokens[at..]);
        }

        var refused = await generator.ForkAsync(sequence, all.Count + 1, 1, Cancellation);
        Assert.Equal(RefusalReason.Invalid, Assert.IsType<SubmitResult.Refused>(refused).Reason);
    }

    [Fact]
    public async Task A_fork_of_an_ended_sequence_goes_on_as_that_one_was_changed()
    {
        var generator = await StartAsync(DefaultOptions);
        var request = CreateRequest(Endless);
        var sequence = (await SubmitAsync(generator, request))[0];
        var first = Expected(request with { MaxTokens = 1 })[0];
        var other = new SamplingParameters { Temperature = 0, LogitBias = [new(first, float.NegativeInfinity)] };
        await using (var reader = await EnterAsync(generator, sequence, request.PromptIds.Length + 2))
        {
            Assert.NotNull(await generator.ChangeAsync(sequence, new SequenceChange(MaxTokens: 2, Sampling: other), Cancellation));
            Assert.Equal(FinishReason.Length, (await EndOfAsync(generator, sequence)).End!.Reason);
        }

        var forked = await generator.ForkAsync(sequence, request.PromptIds.Length, 1, Cancellation);
        var answer = await ReadAsync(generator, Accepted(forked)[0], request.PromptIds.Length);
        Assert.Equal(2, answer.Tokens.Count);
        Assert.NotEqual(first, answer.Tokens[0]);
    }

    [Fact]
    public async Task A_changed_limit_ends_a_running_sequence()
    {
        var generator = await StartAsync(DefaultOptions);
        var request = CreateRequest(Endless);
        var sequence = (await SubmitAsync(generator, request))[0];
        await using var reader = await EnterAsync(generator, sequence, request.PromptIds.Length + 2);
        Assert.NotNull(await generator.ChangeAsync(sequence, new SequenceChange(MaxTokens: 1), Cancellation));
        Assert.Equal(FinishReason.Length, (await EndOfAsync(generator, sequence)).End!.Reason);
        Assert.Null(await generator.ChangeAsync(sequence, new SequenceChange(MaxTokens: 9), Cancellation));
    }

    [Fact]
    public async Task A_request_ends_when_its_time_is_over()
    {
        var generator = await StartAsync(DefaultOptions);
        var request = CreateRequest(Endless) with { Timeout = TimeSpan.FromSeconds(5) };
        var sequence = (await SubmitAsync(generator, request))[0];
        await using var reader = await EnterAsync(generator, sequence, request.PromptIds.Length + 2);
        Time.Advance(TimeSpan.FromSeconds(6));
        Assert.Equal(FinishReason.TimedOut, (await EndOfAsync(generator, sequence)).End!.Reason);
    }

    [Fact]
    public async Task A_request_that_waits_too_long_ends_and_one_too_many_is_refused()
    {
        var generator = await StartAsync(DefaultOptions with { MaxSequences = 1, MaxWaitingRequests = 1 });
        var running = (await SubmitAsync(generator, CreateRequest(Endless)))[0];
        await using var reader = await EnterAsync(generator, running, 9);
        var waiting = (await SubmitAsync(generator, CreateRequest(5) with { QueueTimeout = TimeSpan.FromSeconds(3) }))[0];

        var refused = Assert.IsType<SubmitResult.Refused>(await generator.SubmitAsync(CreateRequest(5), Cancellation));
        Assert.Equal(RefusalReason.QueueFull, refused.Reason);
        Assert.NotNull(refused.RetryAfter);

        Time.Advance(TimeSpan.FromSeconds(4));
        var end = await EndOfAsync(generator, waiting);
        Assert.Equal(FinishReason.QueueTimedOut, end.End!.Reason);
        Assert.Equal(9, end.Tokens);
    }

    [Fact]
    public async Task What_can_never_be_is_refused_with_the_numbers()
    {
        var generator = await StartAsync(DefaultOptions with { MaxModelLength = 100 });
        var tooLong = Assert.IsType<SubmitResult.Refused>(await generator.SubmitAsync(CreateRequest(95), Cancellation));
        Assert.Equal(RefusalReason.TooLong, tooLong.Reason);
        Assert.Contains("104", tooLong.Message, StringComparison.Ordinal);
        Assert.Contains("100", tooLong.Message, StringComparison.Ordinal);

        GenerationRequest[] wrong =
        [
            CreateRequest(5) with { PromptIds = ReadOnlyMemory<int>.Empty },
            CreateRequest(5, 1, 64),
            CreateRequest(5, -1),
            CreateRequest(5) with { Samples = 0 },
            CreateRequest(5) with { StopTokenIds = [64] },
            CreateRequest(5) with { Sampling = new SamplingParameters { Temperature = float.NaN } },
            CreateRequest(5) with { Sampling = new SamplingParameters { TopP = 0 } },
            CreateRequest(5) with { Sampling = new SamplingParameters { LogitBias = [new(64, 1)] } },
            CreateRequest(5) with { Sampling = new SamplingParameters { BadWords = [[]] } },
            CreateRequest(5) with { Sampling = new SamplingParameters { Logprobs = 21 } },
        ];
        foreach (var request in wrong)
        {
            Assert.Equal(RefusalReason.Invalid, Assert.IsType<SubmitResult.Refused>(await generator.SubmitAsync(request, Cancellation)).Reason);
            Assert.Null(await generator.DescribeAsync(new SequenceId(request.Id, 0), Cancellation));
        }

        var sound = CreateRequest(5);
        Assert.Equal(Expected(sound), (await ReadGroupAsync(generator, sound))[0]);
    }

    private static async Task<int[][]> ReadGroupAsync(IGenerator generator, GenerationRequest request)
    {
        var sequences = await SubmitAsync(generator, request);
        var answers = await Task.WhenAll(sequences.Select(sequence => ReadAsync(generator, sequence, request.PromptIds.Length)));
        return [.. answers.Select(answer => answer.Tokens.ToArray())];
    }

    private static void CheckLogprobs(TokenLogprobs actual, float[] logits, int token)
    {
        var total = Math.Log(logits.Sum(logit => Math.Exp(logit)));
        Assert.Equal(logits[token] - total, actual.Logprob, 1e-4);
        Assert.Equal(1 + logits.Count(logit => logit > logits[token]), actual.Rank);
        var best = Enumerable.Range(0, logits.Length).OrderByDescending(id => logits[id]).ThenBy(id => id).Take(actual.TopIds.Length);
        Assert.Equal(best, actual.TopIds.ToArray());
        for (var i = 0; i < actual.TopIds.Length; i++)
        {
            Assert.Equal(logits[actual.TopIds.Span[i]] - total, actual.TopLogprobs.Span[i], 1e-4);
        }
    }
}
