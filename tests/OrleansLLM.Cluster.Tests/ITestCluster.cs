using OrleansLLM.Models;

namespace OrleansLLM.Cluster.Tests;

/// <summary>Silos that tests share; each test attaches engines of its own.</summary>
public interface ITestCluster : IAsyncLifetime
{
    IGenerator Generator { get; }

    /// <summary>One for each living silo that computes.</summary>
    IReadOnlyList<LocalWorkers> Living { get; }

    /// <summary>The clock of the logs.</summary>
    SettableClock Clock { get; }

    /// <summary>What each engine does at the beginning of a forward pass.</summary>
    Action<ForwardBatch>? BeforeForward => null;
}

/// <summary>The clock of whoever set it last: what was begun before keeps its own.</summary>
public sealed class SettableClock : TimeProvider
{
    public TimeProvider Current { get; set; } = System;

    public override long TimestampFrequency => Current.TimestampFrequency;

    public override DateTimeOffset GetUtcNow() => Current.GetUtcNow();

    public override long GetTimestamp() => Current.GetTimestamp();

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        Current.CreateTimer(callback, state, dueTime, period);
}
