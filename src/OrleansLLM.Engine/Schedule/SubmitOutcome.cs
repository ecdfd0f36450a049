namespace OrleansLLM.Engine;

internal enum SubmitVerdict
{
    /// <summary>It is here, now or already.</summary>
    Taken,
    QueueFull,
    Unavailable,
}

/// <summary>What the step's thread says of an attempt; the sentence is made on the submitter's.</summary>
internal readonly record struct SubmitOutcome(SubmitVerdict Verdict, int Waiting = 0, TimeSpan UntilNextPlace = default);
