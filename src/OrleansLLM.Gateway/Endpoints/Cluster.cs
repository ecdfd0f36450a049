using Microsoft.AspNetCore.Routing;
using OrleansLLM.Gateway.Answers;
using OrleansLLM.Gateway.Http;
using OrleansLLM.Gateway.OpenAI;

namespace OrleansLLM.Gateway.Endpoints;

/// <summary>What serves: silos, workers and their load, and how many answers may lose a process without losing a token; and how a worker is taken out.</summary>
internal static class Cluster
{
    public static async ValueTask<ApiError?> GetAsync(GatewayCall call)
    {
        if (FleetOf(call) is not { } fleet)
        {
            return NoMember;
        }

        var cluster = await fleet.DescribeAsync(call.Aborted);
        var answer = new ClusterAnswer(
            [.. cluster.Silos.Select(silo => new SiloCard(silo.Name, silo.Address, silo.Roles))],
            [.. cluster.Workers.Select(Card)],
            new SequenceCounts(cluster.Sequences, cluster.Copied));
        await Responses.WriteAsync(call.Context, StatusCodes.Status200OK, answer, WireJson.Default.ClusterAnswer);
        return null;
    }

    /// <summary>Has a worker's process end as by SIGTERM; the answer is what the worker is at.</summary>
    public static async ValueTask<ApiError?> DrainAsync(GatewayCall call)
    {
        if (FleetOf(call) is not { } fleet)
        {
            return NoMember;
        }

        var worker = WorkerOf(call.Context.Request.RouteValues);
        switch (await fleet.DrainAsync(worker, call.Aborted))
        {
            case DrainResult.Begun begun:
                await Responses.WriteAsync(call.Context, StatusCodes.Status200OK, Card(begun.Worker), WireJson.Default.WorkerCard);
                return null;
            case DrainResult.Unanswered silent:
                return ApiError.Unavailable($"Worker `{silent.Worker}` does not answer: it hangs, or is ending.", call.Server.Options.RetryAfter);
            default:
                return ApiError.Http(
                    StatusCodes.Status404NotFound, $"There is no worker `{ApiError.Shorten(worker)}`: `GET /v1/cluster` names those that there are.");
        }
    }

    private static ApiError NoMember { get; } = ApiError.Http(StatusCodes.Status404NotFound, "This server is no member of a cluster.");

    private static IFleet? FleetOf(GatewayCall call) => call.Context.RequestServices.GetService<IFleet>();

    /// <summary>The id, whose slash may be escaped, or a silo's name alone.</summary>
    private static string WorkerOf(RouteValueDictionary path) => path.TryGetValue("id", out var id)
        ? ((string)id!).Replace("%2F", "/", StringComparison.OrdinalIgnoreCase)
        : $"{path["silo"]}/{path["device"]}";

    private static WorkerCard Card(WorkerDescription worker) => new(
        worker.Id.ToString(), worker.Model, worker.Fingerprint, SystemFingerprint.Of(worker.Fingerprint), worker.Device, worker.Phase.ToString().ToLowerInvariant(), worker.Failure,
        worker.Incarnation.ToString("x", System.Globalization.CultureInfo.InvariantCulture), Math.Round(worker.ReportAge.TotalSeconds, 3),
        new LoadCard(
            worker.Load.Running, worker.Load.Waiting, worker.Load.Preempted, worker.Load.TotalBlocks, worker.Load.UsedBlocks, worker.Load.CachedBlocks));
}
