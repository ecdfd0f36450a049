using OrleansLLM.Gateway.Requests;

namespace OrleansLLM.Gateway.Answers;

/// <summary>
/// How the time that an answer goes on without a client is shared. Where there are stop strings, the first nine tenths belong to a reader of the
/// gateway's own, which looks for them, and the last one to the sequence's log: it outlasts the moment between two readers.
/// </summary>
internal static class RequestLinger
{
    private const int Shares = 10;

    public static TimeSpan OfLog(TimeSpan whole, AnswerShape shape) => shape.Stop.Count > 0 ? whole / Shares : whole;

    /// <param name="log">Of <see cref="OfLog"/>.</param>
    public static TimeSpan OfReader(TimeSpan log) => log * (Shares - 1);
}
