using OrleansLLM.Gateway.Http;
using OrleansLLM.Gateway.OpenAI;

namespace OrleansLLM.Gateway.Endpoints;

/// <summary>What serves: silos, workers and their load, and how many answers may lose a process without losing a token.</summary>
internal static class Cluster
{
    public static async ValueTask<ApiError?> GetAsync(GatewayCall call)
    {
        if (call.Context.RequestServices.GetService<IFleet>() is not { } fleet)
        {
            return ApiError.Http(StatusCodes.Status404NotFound, "This server is no member of a cluster.");
        }

        var cluster = await fleet.DescribeAsync(call.Aborted);
        var answer = new ClusterAnswer(
            [.. cluster.Silos.Select(silo => new SiloCard(silo.Name, silo.Address, silo.Roles))],
            [.. cluster.Workers.Select(Card)],
            new SequenceCounts(cluster.Sequences, cluster.Copied));
        await Responses.WriteAsync(call.Context, StatusCodes.Status200OK, answer, WireJson.Default.ClusterAnswer);
        return null;
    }

    private static WorkerCard Card(WorkerDescription worker) => new(
        worker.Id.ToString(), worker.Model, worker.Fingerprint, worker.Device, worker.Phase.ToString().ToLowerInvariant(), worker.Failure,
        worker.Incarnation.ToString("x", System.Globalization.CultureInfo.InvariantCulture), Math.Round(worker.ReportAge.TotalSeconds, 3),
        new LoadCard(
            worker.Load.Running, worker.Load.Waiting, worker.Load.Preempted, worker.Load.TotalBlocks, worker.Load.UsedBlocks, worker.Load.CachedBlocks));
}
