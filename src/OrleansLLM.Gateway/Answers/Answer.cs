using OrleansLLM.Gateway.Requests;

namespace OrleansLLM.Gateway.Answers;

/// <summary>An answer that was accepted: what was asked for, and the requests that compute it.</summary>
/// <param name="Created">Seconds since 1970.</param>
/// <param name="Requests">One a prompt, in their order, as the generator knows them.</param>
internal sealed record Answer(AnswerId Id, long Created, GenerationInput Input, IReadOnlyList<GenerationRequest> Requests)
{
    public int Choices => Input.Answers;

    public GenerationRequest RequestOf(int choice) => Requests[choice / Input.Settings.Samples];

    public SequenceId SequenceOf(int choice) => new(RequestOf(choice).Id, choice % Input.Settings.Samples);

    public Prompt PromptOf(int choice) => Input.Prompts[choice / Input.Settings.Samples];

    /// <summary>The same as events, whether it was asked for whole or not.</summary>
    public Answer AsStream => Input.Stream is not null ? this : this with { Input = Input with { Stream = new StreamOptions(UsageReport.Last) } };

    /// <summary>A client that has nothing yet.</summary>
    public StreamCursor Start => new(new AnswerAddress(Id, null), Choices);
}
