using System.Text.Json.Serialization.Metadata;
using OrleansLLM.Gateway.Answers;
using OrleansLLM.Gateway.Http;
using OrleansLLM.Gateway.OpenAI;
using OrleansLLM.Gateway.Requests;

namespace OrleansLLM.Gateway.Endpoints;

/// <summary>Text goes on from a prompt.</summary>
internal static class Completions
{
    public static ValueTask<ApiError?> HandleAsync(GatewayCall call) =>
        GenerationEndpoint.HandleAsync(call, AnswerKind.Completion, CompletionRequest.Read, ShapeOf);

    public static IAnswerShape<Completion, Completion> ShapeOf(Answer answer) => new Shape(answer.Id.ToString(), answer.Created, answer.Input);

    private sealed class Shape(string id, long created, GenerationInput input) : IAnswerShape<Completion, Completion>
    {
        public JsonTypeInfo<Completion> WholeType => WireJson.AsItIs.Completion;

        public JsonTypeInfo<Completion> Type => WireJson.Default.Completion;

        public Completion Whole(IReadOnlyList<Choice> choices, IReadOnlyList<CollectedAnswer> answers, Usage usage) =>
            new(id, created, input.ModelName, [.. choices.Zip(answers, WholeChoice)]) { SystemFingerprint = SystemFingerprint.OfAll(answers), Usage = usage };

        public Completion? Open(Choice choice, Usage? usage) => input.Shape.TokenIds == TokenIds.Hide
            ? null
            : Chunk(new CompletionChoice(choice.Index, "") { PromptTokenIds = choice.Prompt.Ids, TokenIds = [] }, choice.SystemFingerprint, usage);

        public Completion Next(Choice choice, AnswerDelta delta, Usage? usage) => Chunk(
            new CompletionChoice(choice.Index, delta.Text)
            {
                Logprobs = LogprobShapes.Completion(input, delta.Tokens),
                FinishReason = delta.End?.Reason,
                StopReason = delta.End?.StopReason,
                TokenIds = input.Shape.TokenIds == TokenIds.Show ? delta.Ids : null,
            },
            delta.SystemFingerprint,
            usage);

        public Completion Close(Usage usage) => new(id, created, input.ModelName, []) { Usage = usage };

        private Completion Chunk(CompletionChoice choice, string? fingerprint, Usage? usage) =>
            new(id, created, input.ModelName, [choice]) { SystemFingerprint = fingerprint, Usage = usage };

        private CompletionChoice WholeChoice(Choice choice, CollectedAnswer answer) => new(choice.Index, answer.Text.ToString())
        {
            Logprobs = LogprobShapes.Completion(input, answer.Tokens),
            FinishReason = answer.End?.Reason,
            StopReason = answer.End?.StopReason,
            TokenIds = input.Shape.TokenIds == TokenIds.Show ? answer.Ids : null,
            PromptTokenIds = input.Shape.TokenIds == TokenIds.Show ? choice.Prompt.Ids : null,
            PromptLogprobs = LogprobShapes.Prompt(input, choice),
        };
    }
}
