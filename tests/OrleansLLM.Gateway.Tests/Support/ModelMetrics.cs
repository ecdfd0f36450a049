using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using OrleansLLM.Gateway.Metrics;

namespace OrleansLLM.Gateway.Tests.Support;

/// <summary>What is measured of one model, as it is measured: a scrape of one host is disturbed by the ends of others in this process.</summary>
internal sealed class ModelMetrics : IDisposable
{
    private readonly MeterListener _listener = new();
    private readonly ConcurrentDictionary<string, (double Sum, int Count)> _measured = [];

    public ModelMetrics(string model)
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name == GatewayMetrics.MeterName)
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Add(instrument, value, tags));
        _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Add(instrument, value, tags));
        _listener.Start();

        void Add(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            if (Tag(tags, "model_name") == model)
            {
                var name = instrument.Name + (Tag(tags, "finished_reason") is { } reason ? $"|{reason}" : "");
                _measured.AddOrUpdate(name, (value, 1), (_, before) => (before.Sum + value, before.Count + 1));
            }
        }
    }

    /// <summary>Of a counter; one with a reason is called <c>name|reason</c>.</summary>
    public double Sum(string name) => _measured.GetValueOrDefault(name).Sum;

    /// <summary>Of a histogram's values.</summary>
    public int Count(string name) => _measured.GetValueOrDefault(name).Count;

    public void Dispose() => _listener.Dispose();

    private static string? Tag(ReadOnlySpan<KeyValuePair<string, object?>> tags, string name)
    {
        foreach (var tag in tags)
        {
            if (tag.Key == name)
            {
                return tag.Value as string;
            }
        }

        return null;
    }
}
