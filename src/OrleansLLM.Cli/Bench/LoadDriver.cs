using System.Text.Json.Nodes;
using OrleansLLM.Cli.Client;

namespace OrleansLLM.Cli.Bench;

/// <summary>What a load run sends.</summary>
/// <param name="Rate">Requests a second; infinity sends all at once (a closed loop with <paramref name="MaxConcurrency"/>).</param>
/// <param name="Burstiness">1 = a Poisson process; below 1 arrivals clump, above 1 they even out.</param>
/// <param name="MaxConcurrency">Requests under way at most; null = no limit.</param>
internal sealed record LoadPlan(
    string Endpoint, string Model, IReadOnlyList<WorkItem> Items, double Rate, double Burstiness, int? MaxConcurrency, int Seed,
    JsonObject ExtraBody);

/// <summary>Sends a workload to a server, open loop or closed loop, and collects what each request gave.</summary>
internal sealed class LoadDriver(ServerClient client, PromptMaker prompts)
{
    /// <summary>Seconds from the first request to the last answer, and a record a request in the order of sending.</summary>
    public async Task<(double Seconds, IReadOnlyList<RequestRecord> Records)> RunAsync(
        LoadPlan plan, Action<RequestRecord> onEnd, CancellationToken cancellation)
    {
        var random = new Random(plan.Seed);
        var bodies = plan.Items.Select(item => Body(plan, item, random)).ToArray();
        using var slots = new SemaphoreSlim(plan.MaxConcurrency ?? int.MaxValue);
        var meter = new RequestMeter(client, plan.Endpoint);
        var running = new List<Task<RequestRecord>>(bodies.Length);
        var next = TimeSpan.Zero;
        foreach (var body in bodies)
        {
            var wait = next - meter.Elapsed;
            if (wait > TimeSpan.Zero)
            {
                await Task.Delay(wait, cancellation).ConfigureAwait(false);
            }

            await slots.WaitAsync(cancellation).ConfigureAwait(false);
            running.Add(SendAsync(body));
            next += Workload.NextArrival(random, plan.Rate, plan.Burstiness);
        }

        var records = await Task.WhenAll(running).ConfigureAwait(false);
        return (meter.Elapsed.TotalSeconds, records);

        async Task<RequestRecord> SendAsync(JsonObject body)
        {
            try
            {
                var record = await meter.MeasureAsync(body, cancellation).ConfigureAwait(false);
                onEnd(record);
                return record;
            }
            finally
            {
                slots.Release();
            }
        }
    }

    private JsonObject Body(LoadPlan plan, WorkItem item, Random random)
    {
        var body = prompts.Make(item.InputTokens, random);
        body["model"] = plan.Model;
        body["max_tokens"] = item.OutputTokens;
        foreach (var (name, value) in plan.ExtraBody)
        {
            body[name] = value?.DeepClone();
        }

        return body;
    }
}
