using System.Globalization;
using OrleansLLM.Sequences;

namespace OrleansLLM.Engine.Tests;

/// <summary>What an engine of 32 tokens' vocabulary and 50 positions refuses, and that the last value before each limit passes.</summary>
public sealed class AdmissionTests
{
    private const int MaxLength = 50;

    private static readonly SamplingParameters[] LastThatPass =
    [
        new() { Temperature = 0, TopP = float.Epsilon, MinP = 0, TopK = 0, RepetitionPenalty = float.Epsilon, PresencePenalty = float.MinValue },
        new() { Temperature = float.MaxValue, TopP = 1, MinP = 1, TopK = int.MaxValue, RepetitionPenalty = float.MaxValue, PresencePenalty = float.MaxValue },
        new() { FrequencyPenalty = float.MinValue, Logprobs = 0, PromptLogprobs = 0 },
        new() { FrequencyPenalty = float.MaxValue, Logprobs = 20, PromptLogprobs = 20 },
        new() { LogitBias = [.. Enumerable.Repeat(new KeyValuePair<int, float>(31, float.NegativeInfinity), 4096)], AllowedTokenIds = [0, 31] },
        new() { BadWords = [[0], [.. Enumerable.Repeat(31, 4095)]] },
    ];

    /// <summary>Blocks enough for more than the engine's length.</summary>
    private readonly Admission _admission = AdmissionOf(blocks: 100);

    private static GenerationRequest Valid { get; } = CoreFixture.Request([1, 2, 3], 10);

    public static TheoryData<string, SamplingParameters> Refusals => new()
    {
        { "temperature is -1", new() { Temperature = -1 } },
        { "temperature is NaN", new() { Temperature = float.NaN } },
        { "temperature is Infinity", new() { Temperature = float.PositiveInfinity } },
        { "top_p is 0; it must be in [", new() { TopP = 0 } },
        { "top_p is 1.5", new() { TopP = 1.5f } },
        { "min_p is -0.5; it must be in [0, 1]", new() { MinP = -0.5f } },
        { "min_p is 1.5", new() { MinP = 1.5f } },
        { "top_k is -1; it must be in [0, 2147483647]", new() { TopK = -1 } },
        { "repetition_penalty is 0", new() { RepetitionPenalty = 0 } },
        { "repetition_penalty is Infinity", new() { RepetitionPenalty = float.PositiveInfinity } },
        { "presence_penalty is NaN", new() { PresencePenalty = float.NaN } },
        { "presence_penalty is -Infinity", new() { PresencePenalty = float.NegativeInfinity } },
        { "frequency_penalty is NaN", new() { FrequencyPenalty = float.NaN } },
        { "frequency_penalty is Infinity", new() { FrequencyPenalty = float.PositiveInfinity } },
        { "logprobs is -1; it must be in [0, 20]", new() { Logprobs = -1 } },
        { "logprobs is 21", new() { Logprobs = 21 } },
        { "prompt_logprobs is -1; it must be in [0, 20]", new() { PromptLogprobs = -1 } },
        { "prompt_logprobs is 21", new() { PromptLogprobs = 21 } },
        { "logit_bias lists 4097 tokens; at most 4096 are allowed", new() { LogitBias = [.. Enumerable.Repeat(new KeyValuePair<int, float>(1, 1), 4097)] } },
        { "Token 32 at index 1 of logit_bias is outside the vocabulary of 32", new() { LogitBias = [new(1, 1), new(32, 1)] } },
        { "logit_bias of token 5 is NaN; it must be a number", new() { LogitBias = [new(1, 1), new(5, float.NaN)] } },
        { "logit_bias of token 5 is Infinity; it must be a number", new() { LogitBias = [new(5, float.PositiveInfinity)] } },
        { "Token -1 at index 1 of allowed_token_ids is outside", new() { AllowedTokenIds = [1, -1] } },
        { "bad_words lists 4098 tokens; at most 4096 are allowed", new() { BadWords = [[1, 2], [.. new int[4096]]] } },
        { "bad_words holds an empty word", new() { BadWords = [[1], []] } },
        { "Token 32 at index 1 of bad_words is outside", new() { BadWords = [[1], [2, 32]] } },
    };

    [Theory]
    [MemberData(nameof(Refusals))]
    public void Sampling_beyond_a_limit_is_refused_by_name_and_number_in_a_request_and_in_a_change(string message, SamplingParameters sampling)
    {
        AssertInvalid(message, Check(Valid with { Sampling = sampling }));
        AssertInvalid(message, _admission.CheckChange(new SequenceChange(Sampling: sampling)));
    }

    [Fact]
    public void Sampling_at_a_limit_passes() => Assert.All(LastThatPass, sampling =>
    {
        Assert.Null(Check(Valid with { Sampling = sampling }));
        Assert.Null(_admission.CheckChange(new SequenceChange(Sampling: sampling)));
    });

    [Fact]
    public void Numbers_are_written_as_everywhere_whatever_the_servers_culture()
    {
        var before = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo.CurrentCulture = CultureInfo.GetCultureInfo("de-DE");
            AssertInvalid("top_p is 1.5", Check(Valid with { Sampling = new SamplingParameters { TopP = 1.5f } }));
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [Fact]
    public void A_prompt_without_a_token_is_refused() => AssertInvalid("The prompt is empty", Check(Valid with { PromptIds = ReadOnlyMemory<int>.Empty }));

    [Fact]
    public void A_token_outside_the_vocabulary_is_refused_wherever_it_stands()
    {
        AssertInvalid("Token 32 at index 2 of prompt is outside the vocabulary of 32", Check(Valid with { PromptIds = new[] { 0, 31, 32 } }));
        AssertInvalid("Token -1 at index 0 of prompt", Check(Valid with { PromptIds = new[] { -1 } }));
        AssertInvalid("Token 40 at index 1 of stop_token_ids", Check(Valid with { StopTokenIds = [31, 40] }));
        AssertInvalid("Token 32 at index 1 of output", Check(Valid, [[1], [0, 32]]));
    }

    [Fact]
    public void Prompt_and_answer_must_fit_together()
    {
        Assert.Null(Check(CoreFixture.Request(new int[40], 10)));
        Assert.Null(Check(CoreFixture.Request(new int[49], 1)));
        Assert.Null(Check(CoreFixture.Request(new int[50], 0)));
        var refused = Check(CoreFixture.Request(new int[40], 11))!;
        Assert.Equal(RefusalReason.TooLong, refused.Reason);
        Assert.Contains("The prompt has 40 tokens and max_tokens is 11: 51 together, but at most 50 fit. Shorten", refused.Message, StringComparison.Ordinal);
        Assert.Equal(RefusalReason.TooLong, Check(CoreFixture.Request(new int[51], 0))!.Reason);
        Assert.Contains("2147483650 together", Check(Valid with { MaxTokens = int.MaxValue })!.Message, StringComparison.Ordinal);
    }

    /// <summary>The limit is the pool's when the model would take more.</summary>
    [Fact]
    public void Where_the_pool_is_the_limit_the_refusal_says_so()
    {
        var why = "That is what the KV pool of 13 blocks of 4 slots holds of one sequence. Shorten";
        var refused = AdmissionOf(blocks: 13, maxLength: 52).Check(AttemptOf(CoreFixture.Request(new int[50], 3)))!;
        Assert.Equal(RefusalReason.TooLong, refused.Reason);
        Assert.Contains("at most 52 fit. " + why, refused.Message, StringComparison.Ordinal);
        refused = AdmissionOf(blocks: 13, maxLength: 51).Check(AttemptOf(CoreFixture.Request(new int[50], 3)))!;
        Assert.Contains("at most 51 fit. Shorten", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Limits_of_an_answer_hold_each_other()
    {
        AssertInvalid("max_tokens is -1; it must be in [0, 50]", Check(Valid with { MaxTokens = -1 }));
        AssertInvalid("min_tokens is 11; it must be in [0, 10]", Check(Valid with { MinTokens = 11 }));
        AssertInvalid("min_tokens is -1", Check(Valid with { MinTokens = -1 }));
        Assert.Null(Check(Valid with { MinTokens = 10 }));
        AssertInvalid("stop_token_ids lists 4097 tokens; at most 4096", Check(Valid with { StopTokenIds = new int[4097] }));
        Assert.Null(Check(Valid with { StopTokenIds = new int[4096] }));
    }

    [Fact]
    public void A_resumed_output_must_fit_behind_its_prompt()
    {
        var request = CoreFixture.Request(new int[40], 10);
        Assert.Null(Check(request, [new int[10]]));
        AssertInvalid("has 11 output tokens behind a prompt of 40; at most 50 fit together", Check(request, [[], new int[11]]));
    }

    [Fact]
    public void A_request_has_one_to_128_sequences()
    {
        AssertInvalid("A request has 1 to 128 sequences, not 0.", Check(Valid, []));
        Assert.Null(Check(Valid, [.. Enumerable.Repeat(Array.Empty<int>(), 128)]));
        AssertInvalid("A request has 1 to 128 sequences, not 129.", Check(Valid, [.. Enumerable.Repeat(Array.Empty<int>(), 129)]));
    }

    [Fact]
    public void A_change_leaves_at_least_one_token()
    {
        Assert.Null(_admission.CheckChange(new SequenceChange(MaxTokens: 1)));
        Assert.Null(_admission.CheckChange(new SequenceChange(Priority: -5)));
        AssertInvalid("max_tokens is 0; it must be in [1, 2147483647]", _admission.CheckChange(new SequenceChange(MaxTokens: 0)));
    }

    [Fact]
    public void The_changes_of_a_journal_are_checked_like_any_other()
    {
        var noted = new JournalChange(3, new SequenceChange(MaxTokens: 0));
        var attempt = AttemptOf(Valid, [[]], noted, new JournalChange(3, new SequenceChange(MaxTokens: 5)));
        AssertInvalid("max_tokens is 0", _admission.Check(attempt));
    }

    private static Admission AdmissionOf(int blocks, int maxLength = MaxLength) =>
        new(new EngineFacts("fake", maxLength, 32, 4, blocks, "", ""), CoreFixture.Shape(4, [0]));

    private static Attempt AttemptOf(GenerationRequest request, int[][]? outputs = null, params JournalChange[] changes) => new(
        request, CoreFixture.Epoch(1),
        [.. (outputs ?? [[]]).Select((output, index) => JournalSequence.Begin(new SequenceId(request.Id, index)) with { Output = output, Changes = changes })]);

    private static void AssertInvalid(string message, SubmitResult.Refused? refused)
    {
        Assert.NotNull(refused);
        Assert.Equal(RefusalReason.Invalid, refused.Reason);
        Assert.Contains(message, refused.Message, StringComparison.Ordinal);
    }

    private SubmitResult.Refused? Check(GenerationRequest request, int[][]? outputs = null) => _admission.Check(AttemptOf(request, outputs));
}
