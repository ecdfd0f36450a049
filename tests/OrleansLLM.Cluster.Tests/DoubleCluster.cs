using System.Reflection;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Orleans.TestingHost;
using OrleansLLM.Models;
using OrleansLLM.Sequences;
using OrleansLLM.Testing;

namespace OrleansLLM.Cluster.Tests;

/// <summary>
/// Two gateways' silos and two workers' in this process, of which one each is killed on the way: in the middle of the first long stream that is read at the gateway
/// that has its logs. That gateway is killed, and when the other one has the stream and some tokens more, the worker that computes it. Engines are slow meanwhile, and
/// before where they are far ahead, so that the stream does not end before.
/// </summary>
public sealed class DoubleCluster : ITestCluster
{
    /// <summary>A reader that has so many tokens is in the middle of its stream.</summary>
    private const int ReadBefore = 64;

    /// <summary>A stream that may get so many is a long one.</summary>
    private const int Long = 10_000;

    private const int FarAhead = 1000;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly InProcessTestCluster _cluster;
    private readonly List<KillableGateway> _gateways = [];
    private readonly List<(InProcessSiloHandle Silo, LocalWorkers Workers)> _workers = [];
    private readonly SemaphoreSlim _steps = new(0);
    private volatile bool _enginesAreSlow;
    private int _isHit;
    private int _turn;
    private int _tests;

    public DoubleCluster()
    {
        var builder = new InProcessTestClusterBuilder(4);
        builder.Options.ConfigureFileLogging = false;
        builder.ConfigureSilo((options, silo) =>
        {
            silo.AddOrleansLLMGrains(options.SiloName[^1] is '0' or '1' ? SiloRoles.Gateway : SiloRoles.Worker).DetectFailuresSoon();
            silo.Services.Replace(ServiceDescriptor.Singleton(services => ClusterHosting.OpenLogs(services, Clock)));
        });
        _cluster = builder.Build();
    }

    public SettableClock Clock { get; } = new();

    public IReadOnlyList<LocalWorkers> Living => [.. _workers.Select(worker => worker.Workers)];

    /// <summary>Ten steps a second are progress: no engine counts as hung.</summary>
    public Action<ForwardBatch>? BeforeForward => batch =>
    {
        if (_enginesAreSlow || (_isHit == 0 && batch.Positions.AsSpan(0, batch.Rows).ContainsAnyInRange(FarAhead, int.MaxValue)))
        {
            _steps.Wait(TimeSpan.FromMilliseconds(100));
        }
    };

    public IGenerator Generator
    {
        get
        {
            _tests++;
            return new GatewaysInTurn(this);
        }
    }

    public async ValueTask InitializeAsync()
    {
        await _cluster.DeployAsync();
        foreach (var silo in _cluster.Silos.OrderBy(silo => silo.Name, StringComparer.Ordinal))
        {
            var services = _cluster.GetSiloServiceProvider(silo.SiloAddress);
            if (services.GetService<LocalWorkers>() is { } workers)
            {
                _workers.Add((silo, workers));
            }
            else
            {
                _gateways.Add(new KillableGateway(silo, services));
            }
        }
    }

    internal KillableGateway NextGateway() => _gateways[(int)((uint)Interlocked.Increment(ref _turn) % (uint)_gateways.Count)];

    /// <summary>Called where a reader goes on reading; kills where it is time to.</summary>
    internal async Task HitAsync(KillableGateway gateway, SequenceId sequence, int position)
    {
        if (gateway.Logs.RequestOf(sequence) is not { MaxTokens: > Long } request || position < request.PromptIds.Length + ReadBefore
            || !gateway.IsRunning(sequence) || Interlocked.Exchange(ref _isHit, 1) == 1)
        {
            return;
        }

        _enginesAreSlow = true;
        Assert.True(gateway.IsRunning(sequence), "It has ended before it was hit.");
        _gateways.Remove(gateway);
        await _cluster.KillSiloAsync(gateway.Silo);
        gateway.Die();

        var other = Assert.Single(_gateways);
        await Until(() => other.IsRunning(sequence));
        var tokens = other.Logs.Describe(sequence)!.Tokens;
        _steps.Release(ReadBefore);
        await Until(() => other.Logs.Describe(sequence)!.Tokens >= tokens + (ReadBefore / 2));
        Assert.True(other.IsRunning(sequence), "It has ended before its worker was hit.");

        var worker = _workers.Single(worker => worker.Silo.Name == other.WorkerOf(sequence));
        _workers.Remove(worker);
        await _cluster.KillSiloAsync(worker.Silo);
        _enginesAreSlow = false;
    }

    public async ValueTask DisposeAsync()
    {
        _enginesAreSlow = false;
        await _cluster.DisposeAsync();
        _gateways.ForEach(gateway => gateway.Dispose());
        _steps.Dispose();
        var all = typeof(GeneratorBehaviour).GetMethods().Count(method => method.GetCustomAttribute<FactAttribute>() is not null);
        Assert.True(_isHit == 1 || _tests < all, "No gateway and no worker was killed.");
    }

    private static async Task Until(Func<bool> condition)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(Patience);
        while (!condition())
        {
            await Task.Delay(TimeSpan.FromMilliseconds(1), patience.Token);
        }
    }
}

/// <summary>A gateway's silo that may die under its readers.</summary>
internal sealed class KillableGateway(InProcessSiloHandle silo, IServiceProvider services) : IDisposable
{
    private readonly Assignments _assignments = services.GetRequiredService<Assignments>();
    private readonly CancellationTokenSource _death = new();

    public InProcessSiloHandle Silo => silo;

    public IGenerator Generator { get; } = services.GetRequiredService<IGenerator>();

    public SequenceLogs Logs { get; } = services.GetRequiredService<SequenceLogs>();

    /// <summary>Cancelled when it is dead: whoever reads here is told nothing more.</summary>
    public CancellationToken Death => _death.Token;

    /// <summary>Whether its log is here and somebody computes it.</summary>
    public bool IsRunning(SequenceId sequence) => Logs.Describe(sequence) is { Phase: not SequencePhase.Ended } && _assignments.Find(sequence) is not null;

    public string WorkerOf(SequenceId sequence) => _assignments.Find(sequence)!.Worker.Silo;

    public void Die() => _death.Cancel();

    public void Dispose() => _death.Dispose();
}
