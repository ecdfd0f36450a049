namespace OrleansLLM.Cluster;

/// <summary>Why a worker is given a sequence.</summary>
internal enum AttemptCause
{
    /// <summary>It is new.</summary>
    First,

    /// <summary>The worker that had it has died, hung or failed, drains, or does not hold it any more, as <see cref="LossCause"/> says it.</summary>
    Died,
    Hung,
    Failed,
    Drained,
    Forgotten,

    /// <summary>It was computed in the silo that has its logs, and now is where no one death takes both copies.</summary>
    Apart,

    /// <summary>The worker that was chosen before has not taken it.</summary>
    Refused,
}

internal static class AttemptCauses
{
    public static AttemptCause Of(LossCause loss) => loss switch
    {
        LossCause.Died => AttemptCause.Died,
        LossCause.Hung => AttemptCause.Hung,
        LossCause.Failed => AttemptCause.Failed,
        LossCause.Drains => AttemptCause.Drained,
        LossCause.Together => AttemptCause.Apart,
        _ => AttemptCause.Forgotten,
    };
}
