using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;

namespace OrleansLLM.Cli.Serving.Connections;

/// <summary>
/// Closes connections that are opened and then say nothing. Kestrel knows two limits, for the time between requests and for a request's head, and
/// a connection without any request falls under the first.
/// </summary>
internal static class FirstRequest
{
    /// <summary>A connection's first byte comes within <paramref name="limit"/>, or it ends.</summary>
    public static Func<ConnectionDelegate, ConnectionDelegate> Within(TimeSpan limit, TimeProvider time) => next => async connection =>
    {
        if (await HasBegunAsync(connection, limit, time).ConfigureAwait(false))
        {
            await next(connection).ConfigureAwait(false);
        }
    };

    private static async Task<bool> HasBegunAsync(ConnectionContext connection, TimeSpan limit, TimeProvider time)
    {
        var stopping = connection.Features.Get<IConnectionLifetimeNotificationFeature>()?.ConnectionClosedRequested ?? default;
        using var clock = new CancellationTokenSource(limit, time);
        using var giveUp = CancellationTokenSource.CreateLinkedTokenSource(clock.Token, stopping);
        try
        {
            var input = connection.Transport.Input;
            var read = await input.ReadAsync(giveUp.Token).ConfigureAwait(false);
            input.AdvanceTo(read.Buffer.Start); // nothing is taken or looked at: the server reads it at once
            return !read.Buffer.IsEmpty;
        }
        catch (Exception error) when (error is OperationCanceledException or IOException)
        {
            return false;
        }
    }
}
