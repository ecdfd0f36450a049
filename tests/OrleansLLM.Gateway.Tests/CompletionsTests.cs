using System.Text.Json.Nodes;
using OrleansLLM.Gateway.Tests.Support;

namespace OrleansLLM.Gateway.Tests;

public sealed class CompletionsTests(SharedHost shared) : IClassFixture<SharedHost>
{
    private readonly GatewayHost _host = shared.Host;
    private readonly FakeTokenizer _tokenizer = new();

    [Fact]
    public async Task An_answer_has_its_text_its_end_and_its_usage()
    {
        Say(" hello world</s>");
        var answer = await PostAsync("""{"model":"fake","prompt":"Hi"}""");
        Assert.Equal(200, answer.Status);
        Assert.Equal(" hello world", (string?)answer.Choice()["text"]);
        Assert.Equal("stop", (string?)answer.Choice()["finish_reason"]);
        Assert.Equal("""{"prompt_tokens":3,"completion_tokens":3,"total_tokens":6,"prompt_tokens_details":{"cached_tokens":3}}""", answer.Json["usage"]!.ToJsonString());
        Assert.Equal([FakeTokenizer.Bos, 'H', 'i'], Last().PromptIds.ToArray());
    }

    [Fact]
    public async Task Without_max_tokens_an_answer_has_sixteen()
    {
        Say(new string('a', 50));
        var answer = await PostAsync("""{"prompt":"Hi","max_tokens":null}""");
        Assert.Equal(new string('a', 16), (string?)answer.Choice()["text"]);
        Assert.Equal("length", (string?)answer.Choice()["finish_reason"]);
    }

    [Fact]
    public async Task An_alias_names_the_model_and_stands_in_the_answer()
    {
        Say("a");
        var answer = await PostAsync("""{"model":"also-fake","prompt":"Hi"}""");
        Assert.Equal("also-fake", (string?)answer.Json["model"]);
        Assert.Equal("fake", Last().Model);
    }

    [Theory]
    [InlineData("\"a\"", "256 97")]
    [InlineData("[\"a\",\"b\"]", "256 97,256 98")]
    [InlineData("[97,98]", "97 98")]
    [InlineData("[[97],[98,99]]", "97,98 99")]
    [InlineData("\"<s>a\"", "256 97")]
    [InlineData("\"a<|end|>\"", "256 97 260")]
    public async Task A_prompt_is_text_ids_or_a_list_of_them(string prompt, string ids)
    {
        var before = _host.Generator.Submitted.Select(request => request.Id).ToHashSet();
        Say("x");
        var answer = await PostAsync($$"""{"prompt":{{prompt}},"n":2}""");
        var made = _host.Generator.Submitted.Where(request => !before.Contains(request.Id)).Select(request => string.Join(' ', request.PromptIds.ToArray()));
        Assert.Equal(ids.Split(',').Order(), made.Order());
        Assert.Equal(Enumerable.Range(0, 2 * ids.Split(',').Length), answer.Json["choices"]!.AsArray().Select(choice => (int)choice!["index"]!));
    }

    [Fact]
    public async Task Choices_come_prompt_by_prompt()
    {
        _host.Generator.Answer = (request, sample) => new Script([request.PromptIds.Span[0], '0' + sample]);
        var answer = await PostAsync("""{"prompt":[[97],[98]],"n":2}""");
        Assert.Equal(["a0", "a1", "b0", "b1"], answer.Json["choices"]!.AsArray().Select(choice => (string?)choice!["text"]));
    }

    [Fact]
    public async Task Every_sampling_field_reaches_the_generator()
    {
        Say("a");
        await PostAsync(
            """
            {"prompt":"Hi","temperature":0.5,"top_p":0.25,"top_k":7,"min_p":0.125,"repetition_penalty":1.5,"presence_penalty":0.75,
             "frequency_penalty":-0.5,"logit_bias":{"97":2,"98":-100},"seed":-1,"allowed_token_ids":[97,98],"bad_words":["hello"],
             "stop_token_ids":[99],"min_tokens":1,"max_tokens":5,"priority":-3,"logprobs":2,"cache_salt":"salt","n":3}
            """);
        var request = Last();
        var sampling = request.Sampling;
        Assert.Equal((0.5f, 0.25f, 7, 0.125f), (sampling.Temperature, sampling.TopP, sampling.TopK, sampling.MinP));
        Assert.Equal((1.5f, 0.75f, -0.5f), (sampling.RepetitionPenalty, sampling.PresencePenalty, sampling.FrequencyPenalty));
        Assert.Equal([new(97, 2f), new(98, float.NegativeInfinity)], sampling.LogitBias);
        Assert.Equal([97, 98], sampling.AllowedTokenIds);
        Assert.Equal([_tokenizer.Ids("hello"), _tokenizer.Ids(" hello")], sampling.BadWords);
        Assert.Equal(ulong.MaxValue, sampling.Seed);
        Assert.Equal((2, null), (sampling.Logprobs, sampling.PromptLogprobs));
        Assert.Equal([FakeTokenizer.Eos, 99], request.StopTokenIds);
        Assert.Equal((1, 5, -3, "salt", 3), (request.MinTokens, request.MaxTokens, request.Priority, request.CacheSalt, request.Samples));
    }

    [Fact]
    public async Task What_a_request_leaves_out_is_the_models_default()
    {
        await using var host = await GatewayHost.StartAsync(defaults: new SamplingParameters { Temperature = 0, TopP = 0.5f, RepetitionPenalty = 1.25f });
        await host.PostAsync("/v1/completions", """{"prompt":"Hi","top_k":-1,"temperature":null}""");
        var sampling = host.Generator.Submitted.Single().Sampling;
        Assert.Equal((0f, 0.5f, 1.25f, 0), (sampling.Temperature, sampling.TopP, sampling.RepetitionPenalty, sampling.TopK));
        await host.PostAsync("/v1/completions", """{"prompt":"Hi","temperature":0.001}""");
        Assert.Contains(host.Generator.Submitted, request => request.Sampling.Temperature == 0.01f);
    }

    [Fact]
    public async Task An_answer_is_as_long_as_the_models_authors_say_where_a_request_says_nothing()
    {
        await using var host = await GatewayHost.StartAsync();
        host.Models.MaxNewTokens = 3;
        await host.PostAsync("/v1/chat/completions", """{"messages":[{"role":"user","content":"Hi"}]}""");
        Assert.Equal(3, host.Generator.Submitted.Single().MaxTokens);
        await host.PostAsync("/v1/completions", """{"prompt":"Hi","max_tokens":5}""");
        Assert.Contains(host.Generator.Submitted, request => request.MaxTokens == 5);
    }

    [Fact]
    public async Task Seeds_are_drawn_where_none_is_given()
    {
        var before = _host.Generator.Submitted.Select(request => request.Id).ToHashSet();
        Say("a");
        await PostAsync("""{"prompt":"Hi"}""");
        await PostAsync("""{"prompt":"Hi"}""");
        Assert.Distinct(_host.Generator.Submitted.Where(request => !before.Contains(request.Id)).Select(request => request.Sampling.Seed));
    }

    [Theory]
    [InlineData("", 3)]
    [InlineData(",\"seed\":5", 1)]
    public async Task Equal_prompts_of_a_list_draw_alike_only_where_a_seed_is_given(string seed, int different)
    {
        Say("a");
        var before = _host.Generator.Submitted.Select(request => request.Id).ToHashSet();
        await PostAsync($$"""{"prompt":["Hi","Hi","Hi"]{{seed}}}""");
        var made = _host.Generator.Submitted.Where(request => !before.Contains(request.Id)).ToList();
        Assert.Equal((3, different), (made.Count, made.Select(request => request.Sampling.Seed).Distinct().Count()));
        Assert.Equal([0, 1, 2], made.Select(request => request.PromptIndex).Order());
    }

    [Theory]
    [InlineData("""{"prompt":"Hi","echo":true}""", "Hi hello", 2)]
    [InlineData("""{"prompt":"Hi","echo":true,"max_tokens":0}""", "Hi", 0)]
    [InlineData("""{"prompt":"Hi","max_tokens":0}""", "", 0)]
    [InlineData("""{"prompt":[72,105,256],"echo":true}""", "Hi hello", 2)]
    [InlineData("""{"prompt":"Hi","echo":true,"truncate_prompt_tokens":1}""", "i hello", 2)]
    public async Task Echo_repeats_the_prompt(string body, string text, int tokens)
    {
        Say(" hello</s>");
        foreach (var json in new[] { body, body[..^1] + ",\"stream\":true}" })
        {
            var answer = await PostAsync(json);
            var shown = json == body ? (string?)answer.Choice()["text"] : string.Concat(answer.Chunks.Select(chunk => (string?)chunk["choices"]![0]!["text"]));
            Assert.Equal(text, shown);
        }

        Assert.Equal(tokens, (int)(await PostAsync(body)).Json["usage"]!["completion_tokens"]!);
    }

    [Fact]
    public async Task Echo_with_logprobs_scores_the_prompt()
    {
        Say(" hello</s>");
        var answer = await PostAsync("""{"prompt":"Hié","echo":true,"logprobs":1,"max_tokens":1}""");
        var logprobs = answer.Choice()["logprobs"]!;
        Assert.Equal("Hié hello", (string?)answer.Choice()["text"]);
        Assert.Equal("""["\u003Cs\u003E","H","i","bytes:\\xc3","bytes:\\xa9"," hello"]""", logprobs["tokens"]!.ToJsonString());
        Assert.Equal("[0,0,1,2,2,3]", logprobs["text_offset"]!.ToJsonString());
        Assert.Equal("[null,-0.25,-0.5,-0.75,0,-0.25]", logprobs["token_logprobs"]!.ToJsonString());
        Assert.Equal("""{"H":-0.25}""", logprobs["top_logprobs"]![1]!.ToJsonString());
        Assert.Null(logprobs["top_logprobs"]![0]);
    }

    [Fact]
    public async Task Prompt_logprobs_are_keyed_by_id_and_hold_the_prompts_own_tokens()
    {
        Say(" hello</s>");
        var answer = await PostAsync("""{"prompt":"Hi","prompt_logprobs":2}""");
        var positions = answer.Choice()["prompt_logprobs"]!.AsArray();
        Assert.Null(positions[0]);
        Assert.Equal(
            """{"72":{"logprob":-0.25,"rank":1,"decoded_token":"H"},"73":{"logprob":-1.25,"rank":2,"decoded_token":"I"}}""",
            positions[1]!.ToJsonString());
        Assert.Equal(3, positions.Count);
    }

    [Fact]
    public async Task Logprobs_hold_the_drawn_token_and_the_most_likely_ones()
    {
        Say("ab</s>");
        var answer = await PostAsync("""{"prompt":"Hi","logprobs":2}""");
        Assert.Equal(
            """{"text_offset":[0,1],"token_logprobs":[-0.75,0],"tokens":["a","b"],"top_logprobs":[{"a":-0.75,"b":-1.75},{"b":0,"c":-1}]}""",
            answer.Choice()["logprobs"]!.ToJsonString());
    }

    [Theory]
    [InlineData("""["END"]""", "false", "a", "\"END\"", 4)]
    [InlineData("""["END"]""", "true", "aEND", "\"END\"", 4)]
    [InlineData("\"STOP\"", "false", "aEN", "\"STOP\"", 5)]
    [InlineData("[]", "false", "aENSTOP hello", null, 7)]
    public async Task A_stop_string_ends_an_answer_across_tokens(string stop, string include, string text, string? reason, int tokens)
    {
        _host.Generator.Answer = (_, _) => new Script(
            stop.Contains("END", StringComparison.Ordinal) ? ['a', 'E', 'N', 'D', 'x'] : ['a', 'E', 'N', .. _tokenizer.Ids("STOP hello</s>")]);
        var answer = await PostAsync($$"""{"prompt":"Hi","stop":{{stop}},"include_stop_str_in_output":{{include}},"logprobs":0}""");
        Assert.Equal(text, (string?)answer.Choice()["text"]);
        Assert.Equal(reason, answer.Choice()["stop_reason"]?.ToJsonString());
        Assert.Equal("stop", (string?)answer.Choice()["finish_reason"]);
        Assert.Equal(tokens, (int)answer.Json["usage"]!["completion_tokens"]!);
        Assert.Equal(text, string.Concat(answer.Choice()["logprobs"]!["tokens"]!.AsArray().Select(token => (string?)token)));
        if (reason is not null)
        {
            var (_, at, why) = _host.Generator.Finished.Last();
            Assert.Equal((3 + tokens, FinishReason.Stop), (at, why));
        }
    }

    [Theory]
    [InlineData("b", 2, "aba")]
    [InlineData("ba", 2, "a")]
    [InlineData("ab", 2, "ab")]
    [InlineData("abab", 3, "")]
    [InlineData("abab", 4, "abab")]
    public async Task A_stop_string_ends_behind_min_tokens_wherever_it_begins(string stop, int minTokens, string text)
    {
        Say("abab");
        var answer = await PostAsync($$"""{"prompt":"Hi","stop":"{{stop}}","min_tokens":{{minTokens}}}""");
        Assert.Equal(text, (string?)answer.Choice()["text"]);
    }

    [Theory]
    [InlineData("""{"prompt":"Hi","stop_token_ids":[98]}""", "a", "stop", "98")]
    [InlineData("""{"prompt":"Hi","stop_token_ids":[98],"include_stop_str_in_output":true}""", "ab", "stop", "98")]
    [InlineData("""{"prompt":"Hi"}""", "ab", "stop", null)]
    [InlineData("""{"prompt":"Hi","ignore_eos":true}""", "abc", "length", null)]
    [InlineData("""{"prompt":"Hi","ignore_eos":true,"skip_special_tokens":false}""", "ab</s>c", "length", null)]
    [InlineData("""{"prompt":"Hi","min_tokens":4}""", "abc", "length", null)]
    public async Task Stop_tokens_end_an_answer(string body, string text, string finish, string? reason)
    {
        Say("ab</s>c");
        var answer = await PostAsync(body);
        Assert.Equal(text, (string?)answer.Choice()["text"]);
        Assert.Equal(finish, (string?)answer.Choice()["finish_reason"]);
        Assert.Equal(reason, answer.Choice()["stop_reason"]?.ToJsonString());
    }

    [Fact]
    public async Task Token_ids_come_where_they_are_asked_for()
    {
        Say("ab</s>");
        var answer = await PostAsync("""{"prompt":"Hi","return_token_ids":true}""");
        Assert.Equal("[97,98,257]", answer.Choice()["token_ids"]!.ToJsonString());
        Assert.Equal("[256,72,105]", answer.Choice()["prompt_token_ids"]!.ToJsonString());
    }

    [Theory]
    [InlineData("2", "72 105")]
    [InlineData("-1", "256 72 105")]
    [InlineData("100", "256 72 105")]
    public async Task A_prompt_is_cut_at_its_beginning(string keep, string ids)
    {
        Say("a");
        await PostAsync($$"""{"prompt":"Hi","truncate_prompt_tokens":{{keep}}}""");
        Assert.Equal(ids, string.Join(' ', Last().PromptIds.ToArray()));
    }

    [Fact]
    public async Task A_prompt_that_is_cut_to_the_context_leaves_room_for_the_answer()
    {
        Say("a");
        await PostAsync($$"""{"prompt":"{{new string('a', 500)}}","truncate_prompt_tokens":-1,"max_tokens":10}""");
        Assert.Equal((GatewayHost.MaxLength - 10, 10), (Last().PromptIds.Length, Last().MaxTokens));
    }

    [Fact]
    public async Task Half_a_character_at_the_end_is_a_replacement_character()
    {
        _host.Generator.Answer = (_, _) => new Script(['a', 0xC3, FakeTokenizer.Eos]);
        Assert.Equal("a\uFFFD", (string?)(await PostAsync("""{"prompt":"Hi"}""")).Choice()["text"]);
    }

    [Fact]
    public async Task A_prompts_half_character_is_no_part_of_the_answer()
    {
        _host.Generator.Answer = (_, _) => new Script(['x', 0xA9, 'y']);
        Assert.Equal("x\uFFFDy", (string?)(await PostAsync("""{"prompt":[97,195]}""")).Choice()["text"]);
    }

    [Theory]
    [InlineData(GatewayHost.MaxLength, null)]
    [InlineData(GatewayHost.MaxLength - 5, 6)]
    public async Task A_prompt_that_is_too_long_says_both_numbers(int length, int? maxTokens)
    {
        var ids = new JsonArray([.. Enumerable.Repeat(97, length).Select(id => (JsonNode)id)]);
        var answer = await PostAsync(new JsonObject { ["prompt"] = ids, ["max_tokens"] = maxTokens }.ToJsonString());
        Assert.Equal(400, answer.Status);
        Assert.Equal("prompt", (string?)answer.Error("param"));
        Assert.Equal("context_length_exceeded", (string?)answer.Error("code"));
        Assert.Contains($"is {GatewayHost.MaxLength} tokens", (string?)answer.Error("message"), StringComparison.Ordinal);
        Assert.Contains($"has {length} tokens", (string?)answer.Error("message"), StringComparison.Ordinal);
    }

    private void Say(string text) => _host.Generator.Answer = (_, _) => new Script(_tokenizer.Ids(text));

    private GenerationRequest Last() => _host.Generator.Latest!;

    private Task<Answer> PostAsync(string body) => _host.PostAsync("/v1/completions", body);
}
