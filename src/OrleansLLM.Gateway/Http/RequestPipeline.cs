using System.Diagnostics;
using OrleansLLM.Gateway.Endpoints;

namespace OrleansLLM.Gateway.Http;

/// <summary>
/// What surrounds every request: its id, its line in the log, and an answer in OpenAI's error shape for whatever has none.
/// </summary>
internal sealed partial class RequestPipeline(RequestDelegate next, GatewayServer server, ILogger<RequestPipeline> logger)
{
    private const string Header = "X-Request-Id";
    private const int LongestId = 128;

    private static readonly Outcome<Caller> Nobody = new Caller("", PriorityRight.Fixed);

    public async Task InvokeAsync(HttpContext context)
    {
        var started = Stopwatch.GetTimestamp();
        context.TraceIdentifier = GetId(context.Request);
        context.Response.Headers[Header] = context.TraceIdentifier;
        var status = await AnswerAsync(context);
        var path = context.Request.Path.ToUriComponent();
        if (path is Routes.Metrics || Routes.Probes.Any(route => route.Path == path))
        {
            LogProbe(context.Request.Method, path, status, Stopwatch.GetElapsedTime(started).TotalMilliseconds, context.TraceIdentifier);
        }
        else
        {
            LogRequest(context.Request.Method, path, status, Stopwatch.GetElapsedTime(started).TotalMilliseconds, context.TraceIdentifier);
        }
    }

    /// <summary>Runs an endpoint behind its key and the server's phase.</summary>
    public static async Task RunAsync(HttpContext context, Route route, GatewayServer server)
    {
        var (caller, error) = route.Access switch
        {
            Access.Key => server.Keys.Identify(context.Request),
            Access.Admin => server.Keys.IdentifyAdmin(context.Request),
            _ => Nobody,
        };
        error ??= route.Needs == Readiness.Ready ? server.WhyUnavailable() : null;
        error ??= await route.Handle(new GatewayCall(context, server, caller!));
        if (error is not null)
        {
            await Responses.WriteErrorAsync(context, error);
        }
    }

    private async ValueTask<int> AnswerAsync(HttpContext context)
    {
        try
        {
            if (server.Sites.WhyRefused(context.Request) is { } refused)
            {
                await Responses.WriteErrorAsync(context, refused);
                return refused.Status;
            }

            await next(context);
            await AnswerEmptyAsync(context);
            return Responses.StatusOf(context);
        }
        catch (Exception) when (context.RequestAborted.IsCancellationRequested)
        {
            return ApiError.ClientClosedRequest;
        }
        catch (Exception exception)
        {
            LogFailure(exception, context.TraceIdentifier);
            await Responses.WriteErrorAsync(context, ApiError.Internal(context.TraceIdentifier));
            return StatusCodes.Status500InternalServerError;
        }
    }

    /// <summary>Routing says no by a bare status.</summary>
    private static async ValueTask AnswerEmptyAsync(HttpContext context)
    {
        if (context.Response.HasStarted || context.Response.ContentType is not null)
        {
            return;
        }

        var request = context.Request;
        var message = context.Response.StatusCode switch
        {
            StatusCodes.Status404NotFound => $"There is no {request.Method} {ApiError.Shorten(request.Path)} here.",
            StatusCodes.Status405MethodNotAllowed =>
                $"{ApiError.Shorten(request.Path)} does not take {request.Method}, but {context.Response.Headers.Allow}.",
            _ => null,
        };
        if (message is not null)
        {
            await Responses.WriteErrorAsync(context, ApiError.Http(context.Response.StatusCode, message));
        }
    }

    /// <summary>The client's own id where it is harmless in a header and a log, else a new one.</summary>
    private static string GetId(HttpRequest request)
    {
        var given = request.Headers[Header].ToString();
        var isHarmless = given.Length is > 0 and <= LongestId
            && given.All(letter => char.IsAsciiLetterOrDigit(letter) || "-_.:/+=".Contains(letter));
        return isHarmless ? given : RequestId.Create().ToString();
    }

    [LoggerMessage(LogLevel.Information, "{Method} {Path} {Status} in {Milliseconds:0.0} ms, request {RequestId}")]
    private partial void LogRequest(string method, string path, int status, double milliseconds, string requestId);

    [LoggerMessage(LogLevel.Debug, "{Method} {Path} {Status} in {Milliseconds:0.0} ms, request {RequestId}")]
    private partial void LogProbe(string method, string path, int status, double milliseconds, string requestId);

    [LoggerMessage(LogLevel.Error, "Request {RequestId} failed")]
    private partial void LogFailure(Exception exception, string requestId);
}
