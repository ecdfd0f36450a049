using System.Text.Json.Serialization.Metadata;
using OrleansLLM.Gateway.Answers;
using OrleansLLM.Gateway.Http;
using OrleansLLM.Gateway.OpenAI;
using OrleansLLM.Gateway.Requests;

namespace OrleansLLM.Gateway.Endpoints;

/// <summary>Messages in, the assistant's next one out.</summary>
internal static class ChatCompletions
{
    public static ValueTask<ApiError?> HandleAsync(GatewayCall call) =>
        GenerationEndpoint.HandleAsync(call, AnswerKind.Chat, ChatRequest.Read, ShapeOf);

    public static IAnswerShape<ChatCompletion, ChatChunk> ShapeOf(Answer answer) => new Shape(answer.Id.ToString(), answer.Created, answer.Input);

    private sealed class Shape(string id, long created, GenerationInput input) : IAnswerShape<ChatCompletion, ChatChunk>
    {
        public JsonTypeInfo<ChatCompletion> WholeType => WireJson.AsItIs.ChatCompletion;

        public JsonTypeInfo<ChatChunk> Type => WireJson.Default.ChatChunk;

        public ChatCompletion Whole(IReadOnlyList<Choice> choices, IReadOnlyList<CollectedAnswer> answers, Usage usage) =>
            new(id, created, input.ModelName, [.. choices.Zip(answers, WholeChoice)], usage)
            {
                SystemFingerprint = SystemFingerprint.OfAll(answers),
                PromptTokenIds = input.Shape.TokenIds == TokenIds.Show ? choices[0].Prompt.Ids : null,
                PromptLogprobs = LogprobShapes.Prompt(input, choices[0]),
            };

        public ChatChunk? Open(Choice choice, Usage? usage) => new(
            id, created, input.ModelName, [new ChatChunkChoice(choice.Index, new ChatDelta("assistant", ""), null)])
        {
            SystemFingerprint = choice.SystemFingerprint,
            Usage = usage,
            PromptTokenIds = input.Shape.TokenIds == TokenIds.Show ? choice.Prompt.Ids : null,
        };

        public ChatChunk Next(Choice choice, AnswerDelta delta, Usage? usage)
        {
            var content = delta.Text.Length == 0 && delta.End is not null ? null : delta.Text;
            var next = new ChatChunkChoice(choice.Index, new ChatDelta(null, content), delta.End?.Reason)
            {
                Logprobs = delta.Tokens.Count == 0 ? null : LogprobShapes.Chat(input, delta.Tokens),
                StopReason = delta.End?.StopReason,
                TokenIds = input.Shape.TokenIds == TokenIds.Show ? delta.Ids : null,
            };
            return new ChatChunk(id, created, input.ModelName, [next]) { SystemFingerprint = delta.SystemFingerprint, Usage = usage };
        }

        public ChatChunk Close(Usage usage) => new(id, created, input.ModelName, []) { Usage = usage };

        private ChatChoice WholeChoice(Choice choice, CollectedAnswer answer) =>
            new(choice.Index, new ChatMessage(answer.Text.ToString()), answer.End?.Reason ?? AnswerEnd.Stop)
            {
                Logprobs = LogprobShapes.Chat(input, answer.Tokens),
                StopReason = answer.End?.StopReason,
                TokenIds = input.Shape.TokenIds == TokenIds.Show ? answer.Ids : null,
            };
    }
}
