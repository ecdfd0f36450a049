using System.Text.Json;
using System.Text.Json.Serialization;
using OrleansLLM.Gateway.Requests;

namespace OrleansLLM.Gateway.Answers;

/// <summary>
/// What a request carries so that any gateway can go on with its answer: how the answer looks, beside what the request itself says. Its bytes are
/// a version and JSON.
/// </summary>
/// <param name="Created">Seconds since 1970, as the answer says it.</param>
/// <param name="ModelName">As the client wrote it.</param>
/// <param name="ClientStops">stop_token_ids.</param>
/// <param name="Stream">Null where the answer is whole.</param>
/// <param name="BodyHash">Of <see cref="Http.JsonBody.Hash"/>.</param>
/// <param name="Echo">What repeats the prompt.</param>
/// <param name="TraceParent">Of the client, as W3C writes it.</param>
/// <param name="Requests">At the answer's first request one a prompt, at the others only the first.</param>
internal sealed record Envelope(
    AnswerKind Kind, long Created, string ModelName, AnswerShape Shape, IReadOnlyList<int> ClientStops, StreamOptions? Stream, byte[] BodyHash,
    string Echo, string? TraceParent, IReadOnlyList<string> Requests)
{
    /// <summary>Counts up when the layout changes; bytes of another version are not read.</summary>
    public const byte Version = 1;

    public byte[] Write() => [Version, .. JsonSerializer.SerializeToUtf8Bytes(this, EnvelopeJson.Default.Envelope)];

    /// <summary>Null where the bytes are none: damaged, or of another version.</summary>
    public static Envelope? Read(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty || bytes[0] != Version)
        {
            return null;
        }

        try
        {
            return JsonSerializer.Deserialize(bytes[1..], EnvelopeJson.Default.Envelope) is { IsSound: true } envelope ? envelope : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>Whether everything is of a value that it can have.</summary>
    private bool IsSound =>
        Enum.IsDefined(Kind)
        && Enum.IsDefined(Shape.StopText) && Enum.IsDefined(Shape.Special) && Enum.IsDefined(Shape.Echo) && Enum.IsDefined(Shape.TokenIds)
        && Shape.Stop.All(stop => stop is { Length: > 0 })
        && Shape is { Logprobs: null or (>= 0 and <= GenerationLimits.MaxLogprobs), PromptLogprobs: null or (>= 0 and <= GenerationLimits.MaxLogprobs) }
        && (Stream is null || Enum.IsDefined(Stream.Usage))
        && Requests.Count > 0
        && Requests.All(request => RequestId.TryParse(request, out _));
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(Envelope))]
internal sealed partial class EnvelopeJson : JsonSerializerContext;
