using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace OrleansLLM.Cluster.Tests;

/// <summary>What is measured of one model from now on.</summary>
internal sealed class MeterReadings : IDisposable
{
    private readonly MeterListener _listener = new();
    private readonly ConcurrentDictionary<(string Name, string Engine, string? Cause), (double Sum, int Count)> _read = [];

    /// <param name="factory">Whose meters are listened to; null = those of all silos.</param>
    public MeterReadings(string model, IMeterFactory? factory = null)
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name == ClusterMetrics.MeterName && (factory is null || instrument.Meter.Scope == factory))
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Add(instrument.Name, value, new(tags.ToArray())));
        _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Add(instrument.Name, value, new(tags.ToArray())));
        _listener.Start();

        void Add(string name, double value, Dictionary<string, object?> tags)
        {
            if ((string?)tags["model_name"] == model)
            {
                _read.AddOrUpdate((name, (string)tags["engine"]!, (string?)tags.GetValueOrDefault("cause")), (value, 1), (_, before) => (before.Sum + value, before.Count + 1));
            }
        }
    }

    /// <summary>Of a counter, or of a histogram's values; null where nothing was measured.</summary>
    public double? Sum(string name, WorkerId engine, string? cause = null) =>
        _read.TryGetValue((name, engine.ToString(), cause), out var read) ? read.Sum : null;

    /// <summary>Of a histogram's values.</summary>
    public int Count(string name, WorkerId engine) => _read.GetValueOrDefault((name, engine.ToString(), null)).Count;

    /// <summary>The causes of a worker's that were counted, with their counts.</summary>
    public IReadOnlyDictionary<string, double> Causes(string name, WorkerId engine) => _read
        .Where(read => read.Key.Name == name && read.Key.Engine == engine.ToString() && read.Value.Sum > 0)
        .ToDictionary(read => read.Key.Cause!, read => read.Value.Sum);

    /// <summary>Has gauges measured.</summary>
    public void Observe() => _listener.RecordObservableInstruments();

    public void Dispose() => _listener.Dispose();
}
