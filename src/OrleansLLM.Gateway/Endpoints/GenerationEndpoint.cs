using System.Text.Json.Serialization.Metadata;
using OrleansLLM.Gateway.Answers;
using OrleansLLM.Gateway.Http;
using OrleansLLM.Gateway.OpenAI;
using OrleansLLM.Gateway.Requests;
using OrleansLLM.Text;

namespace OrleansLLM.Gateway.Endpoints;

/// <summary>How an endpoint writes its answers, whole and in chunks.</summary>
internal interface IAnswerShape<TWhole, TChunk> : IChunkShape<TChunk>
    where TChunk : class
{
    /// <summary>Of <see cref="WireJson.AsItIs"/>.</summary>
    JsonTypeInfo<TWhole> WholeType { get; }

    TWhole Whole(IReadOnlyList<Choice> choices, IReadOnlyList<CollectedAnswer> answers, Usage usage);
}

/// <summary>The way that both generating endpoints go: read, submit, answer.</summary>
internal static class GenerationEndpoint
{
    public static async ValueTask<ApiError?> HandleAsync<TWhole, TChunk>(
        GatewayCall call,
        string promptField,
        Func<RequestFields, ServedModel, GenerationInput?> read,
        Func<GenerationInput, RequestId, IAnswerShape<TWhole, TChunk>> shapeOf)
        where TChunk : class
    {
        var (input, error) = await RequestBody.ReadAsync(call, read);
        if (input is null)
        {
            return error;
        }

        if (input.Settings.Priority != 0 && call.Caller.Priority == PriorityRight.Fixed)
        {
            return ApiError.Forbidden(
                "`priority` may be set by this server's priority keys (--priority-api-key) only: leave it out, or send one of them.",
                "priority_not_allowed",
                Limits.Priority.Field);
        }

        await using var generation = new Generation(call, input, promptField);
        if (await generation.SubmitAsync() is { } refused)
        {
            return refused;
        }

        var shape = shapeOf(input, generation.Id);
        return input.Stream is { } options
            ? await StreamAsync(call, generation, options, shape)
            : await AnswerAsync(call, input, generation, shape);
    }

    private static async ValueTask<ApiError?> AnswerAsync<TWhole, TChunk>(
        GatewayCall call, GenerationInput input, Generation generation, IAnswerShape<TWhole, TChunk> shape)
        where TChunk : class
    {
        var collector = new AnswerCollector(generation.Choices.Count);
        if (await generation.ReadAsync(collector) is { } failed)
        {
            return failed;
        }

        var answer = shape.Whole(generation.Choices, collector.Answers, await generation.GetUsageAsync());
        await (input.Shape is { Logprobs: null, PromptLogprobs: null }
            ? Responses.WriteAsync(call.Context, StatusCodes.Status200OK, answer, shape.WholeType)
            : Responses.WriteLargeAsync(call.Context, answer, shape.WholeType));
        return null;
    }

    private static async ValueTask<ApiError?> StreamAsync<TChunk>(
        GatewayCall call, Generation generation, StreamOptions options, IChunkShape<TChunk> shape)
        where TChunk : class
    {
        await using var stream = new AnswerStream<TChunk>(call, options, shape, generation.Choices.Count);
        await stream.OpenAsync();
        if (await generation.ReadAsync(stream) is { } failed)
        {
            return failed;
        }

        await stream.CloseAsync(options.Usage == UsageReport.None ? null : await generation.GetUsageAsync());
        return null;
    }
}
