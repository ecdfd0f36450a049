using static System.FormattableString;

namespace OrleansLLM.Cluster;

/// <summary>
/// The workers that were lost under one request. Two with no new token between them may be its own doing, so it is not given to a third; a request that
/// goes on between them gets <see cref="MostAttempts"/>.
/// </summary>
internal sealed class Deaths
{
    public const int MostAttempts = 8;

    private int _count;
    private int? _publishedAtLast;

    /// <summary>Whether it has no new token since a worker was lost under it.</summary>
    /// <param name="published">Tokens of all its sequences.</param>
    public bool IsSuspect(int published) => _publishedAtLast == published;

    /// <summary>A worker was lost; how the request ends, or null where another one goes on.</summary>
    public SequenceEnd? Add(int published)
    {
        var isPoison = IsSuspect(published);
        (_count, _publishedAtLast) = (_count + 1, published);
        return isPoison
            ? Fail("Two workers in turn stopped under this request without a new token between them. It may be what stopped them, so it is not given to a third.")
            : _count >= MostAttempts
            ? Fail(Invariant($"{MostAttempts} workers in turn stopped under this request: it is not given to another one."))
            : null;
    }

    private static SequenceEnd Fail(string message) => new(FinishReason.Poisoned, Message: message);
}
