using System.Diagnostics;
using OrleansLLM.Cluster;

namespace OrleansLLM.Cli.Chaos;

/// <summary>
/// Hits one process after another, each when all are there, all sequences have two copies, and it holds ten sequences that run, or all that do. What was hit
/// is started again under its name.
/// </summary>
/// <param name="streams">Those under way.</param>
internal sealed class FaultDriver(ChaosCluster cluster, Func<IReadOnlyList<ChaosStream>> streams, int seed, Timeline timeline)
{
    private const int LeastHeld = 10;

    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan WholeTimeout = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan DeadTimeout = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan ExitTimeout = TimeSpan.FromSeconds(45);

    private readonly Random _random = new(seed);

    /// <summary>Of workers that had ended before the run did: killed or hung ones, and stopped ones.</summary>
    public TokenCounts Broken { get; private set; }

    /// <inheritdoc cref="Broken"/>
    public TokenCounts Stopped { get; private set; }

    /// <summary>Every kind of fault of every role once, in random order, then again.</summary>
    public async Task<IReadOnlyList<Fault>> RunAsync(int count, Action<Fault> onRecovered, CancellationToken cancellation)
    {
        var faults = new List<Fault>();
        var kinds = new Queue<(SiloRole, FaultKind)>();
        while (faults.Count < count)
        {
            if (kinds.Count == 0)
            {
                var all = new[] { SiloRole.Gateway, SiloRole.Worker }.SelectMany(role => Enum.GetValues<FaultKind>().Select(kind => (role, kind))).ToArray();
                _random.Shuffle(all);
                kinds = new(all);
            }

            var (role, kind) = kinds.Dequeue();
            await Task.Delay(_random.Next(1000), cancellation).ConfigureAwait(false);
            var (silo, held) = await ChooseAsync(role, cancellation).ConfigureAwait(false);
            var fault = new Fault(role, kind, silo.Name, held, Candidates(silo), Stopwatch.GetTimestamp());
            await HitAsync(fault, silo, cancellation).ConfigureAwait(false);
            faults.Add(fault);
            onRecovered(fault);
        }

        return faults;
    }

    private async Task HitAsync(Fault fault, ChaosSilo silo, CancellationToken cancellation)
    {
        switch (fault.Kind)
        {
            case FaultKind.Killed:
                await silo.CountAsync(cancellation).ConfigureAwait(false);
                silo.Send(Signal.Kill);
                await silo.WaitForExitAsync(ExitTimeout, cancellation).ConfigureAwait(false);
                break;
            case FaultKind.Hung:
                await HangAsync(fault, silo, cancellation).ConfigureAwait(false);
                break;
            default:
                await StopAsync(fault, silo, cancellation).ConfigureAwait(false);
                break;
        }

        if (fault.Kind == FaultKind.Stopped)
        {
            Stopped += silo.Counts;
        }
        else
        {
            Broken += silo.Counts;
        }

        silo.Start();
        await silo.WaitUntilReadyAsync(cancellation).ConfigureAwait(false);
        var ready = Stopwatch.GetTimestamp();
        if (!await cluster.IsWholeAsync(WholeTimeout, cancellation).ConfigureAwait(false))
        {
            fault.Problem ??= FormattableString.Invariant($"not all sequences had two copies {WholeTimeout.TotalSeconds} s after it was ready again");
        }

        fault.Copying = Stopwatch.GetElapsedTime(ready);
        timeline.Write(silo.Name, "all sequences have two copies");
        await MoveOnAsync(fault, cancellation).ConfigureAwait(false);
        fault.Recovered = Stopwatch.GetTimestamp();
    }

    /// <summary>Until everything goes on that ran at the fault, so that the next one's pauses are its own.</summary>
    private static async Task MoveOnAsync(Fault fault, CancellationToken cancellation)
    {
        var began = Stopwatch.GetTimestamp();
        while (!fault.Candidates.All(answer => answer.Failure is not null || answer.HasMoved(fault.At)) && Stopwatch.GetElapsedTime(began) < WholeTimeout)
        {
            await Task.Delay(Tick, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>Stands still until the others have called it dead, and then has to end by itself.</summary>
    private async Task HangAsync(Fault fault, ChaosSilo silo, CancellationToken cancellation)
    {
        await silo.CountAsync(cancellation).ConfigureAwait(false);
        silo.Send(Signal.Stop);
        var isDead = await cluster.HasLeftAsync(silo, DeadTimeout, cancellation).ConfigureAwait(false);
        timeline.Write(silo.Name, isDead ? "is called dead" : "is not called dead");
        silo.Send(Signal.Continue);
        var code = await silo.WaitForExitAsync(ExitTimeout, cancellation).ConfigureAwait(false);
        if (!isDead || code != SiloDeath.ExitCode)
        {
            fault.Problem = isDead ? FormattableString.Invariant($"ended with {code}, not {SiloDeath.ExitCode}, after it was called dead") : "was not called dead while it stood still";
            silo.Send(Signal.Kill);
            await silo.WaitForExitAsync(ExitTimeout, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>Counts until it is gone: what it draws while its sequences leave is drawn, too.</summary>
    private static async Task StopAsync(Fault fault, ChaosSilo silo, CancellationToken cancellation)
    {
        silo.Send(Signal.Terminate);
        var exit = silo.WaitForExitAsync(ExitTimeout, cancellation);
        while (!exit.IsCompleted)
        {
            await silo.CountAsync(cancellation).ConfigureAwait(false);
            await Task.WhenAny(exit, Task.Delay(Tick, cancellation)).ConfigureAwait(false);
        }

        if (await exit.ConfigureAwait(false) is var code and not 0)
        {
            fault.Problem = code is null ? FormattableString.Invariant($"did not stop within {ExitTimeout.TotalSeconds} s") : FormattableString.Invariant($"ended with {code}, not 0");
            silo.Send(Signal.Kill);
            await silo.WaitForExitAsync(ExitTimeout, cancellation).ConfigureAwait(false);
        }
    }

    private async Task<(ChaosSilo Silo, int Held)> ChooseAsync(SiloRole role, CancellationToken cancellation)
    {
        while (true)
        {
            var held = role == SiloRole.Worker
                ? await cluster.RunningAsync(cancellation).ConfigureAwait(false)
                : streams().GroupBy(stream => stream.Gateway.Name).ToDictionary(gateway => gateway.Key, gateway => gateway.Sum(stream => stream.Answer.OpenChoices));
            var all = held.Values.Sum();
            var silos = (role == SiloRole.Worker ? cluster.Workers : cluster.Gateways).Where(
                silo => held.GetValueOrDefault(silo.Name) is var its && its > 0 && its >= Math.Min(LeastHeld, all)).ToArray();
            if (silos.Length > 0)
            {
                var silo = silos[_random.Next(silos.Length)];
                return (silo, held[silo.Name]);
            }

            await Task.Delay(Tick, cancellation).ConfigureAwait(false);
        }
    }

    private List<ChaosAnswer> Candidates(ChaosSilo silo) =>
        [.. streams().Where(stream => silo.Role == SiloRole.Worker || stream.Gateway == silo).Select(stream => stream.Answer)];
}
