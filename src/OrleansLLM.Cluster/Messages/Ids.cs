using OrleansLLM.Sequences;

namespace OrleansLLM.Cluster;

/// <summary>How a <see cref="SequenceId"/> travels: Abstractions knows no Orleans.</summary>
[GenerateSerializer, Immutable, Alias("OrleansLLM.SequenceId")]
public readonly record struct SequenceIdSurrogate(
    [property: Id(0)] ulong RequestUpper, [property: Id(1)] ulong RequestLower, [property: Id(2)] int Index);

[RegisterConverter]
public sealed class SequenceIdConverter : IConverter<SequenceId, SequenceIdSurrogate>
{
    public SequenceId ConvertFromSurrogate(in SequenceIdSurrogate surrogate) =>
        new(new RequestId(surrogate.RequestUpper, surrogate.RequestLower), surrogate.Index);

    public SequenceIdSurrogate ConvertToSurrogate(in SequenceId value) =>
        new(value.Request.Upper, value.Request.Lower, value.Index);
}

/// <summary>How an <see cref="AttemptId"/> travels.</summary>
[GenerateSerializer, Immutable, Alias("OrleansLLM.AttemptId")]
public readonly record struct AttemptIdSurrogate([property: Id(0)] SequenceId Sequence, [property: Id(1)] long Epoch);

[RegisterConverter]
public sealed class AttemptIdConverter : IConverter<AttemptId, AttemptIdSurrogate>
{
    public AttemptId ConvertFromSurrogate(in AttemptIdSurrogate surrogate) => new(surrogate.Sequence, new Epoch(surrogate.Epoch));

    public AttemptIdSurrogate ConvertToSurrogate(in AttemptId value) => new(value.Sequence, value.Epoch.Value);
}

/// <summary>How a <see cref="WorkerId"/> travels.</summary>
[GenerateSerializer, Immutable, Alias("OrleansLLM.WorkerId")]
public readonly record struct WorkerIdSurrogate([property: Id(0)] string Silo, [property: Id(1)] int Device);

[RegisterConverter]
public sealed class WorkerIdConverter : IConverter<WorkerId, WorkerIdSurrogate>
{
    public WorkerId ConvertFromSurrogate(in WorkerIdSurrogate surrogate) => new(surrogate.Silo, surrogate.Device);

    public WorkerIdSurrogate ConvertToSurrogate(in WorkerId value) => new(value.Silo, value.Device);
}
