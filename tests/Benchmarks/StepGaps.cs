using System.Collections.Concurrent;
using System.Diagnostics;
using OrleansLLM.Engine;
using OrleansLLM.Sequences;

namespace OrleansLLM.Benchmarks;

/// <summary>
/// The gaps between two tokens of 8 running streams while ten prompts of 4,000 tokens come in turn, each when the one before has its first
/// token: with the steps' time kept, and without. Two compute threads.
/// </summary>
internal static class StepGaps
{
    private const int Streams = 8;
    private const int Prompts = 10;

    public static async Task RunAsync(string[] arguments)
    {
        foreach (var time in new TimeSpan?[] { null, TimeSpan.Zero })
        {
            using var model = await Load.OpenAsync(arguments[0], PrefixCaching.Off, time);
            Console.WriteLine($"{(time is null ? "max-step-time 250" : "any time        ")}  {await MeasureAsync(model.Engine, model.Served.Name)}");
        }
    }

    private static async Task<string> MeasureAsync(InferenceEngine engine, string name)
    {
        var sink = new GapRecorder();
        var streams = Enumerable.Range(0, Streams).Select(i => Submit(engine, name, 16, 7000, i, sink)).ToList();
        await Task.WhenAll(streams.Select(sink.FirstToken));
        sink.Begin(streams);
        var began = Stopwatch.GetTimestamp();
        for (var i = 0; i < Prompts; i++)
        {
            await sink.FirstToken(Submit(engine, name, 4000, 1, 100 + i, sink));
        }

        var took = Stopwatch.GetElapsedTime(began);
        var gaps = sink.End();
        return FormattableString.Invariant(
            $"gaps of {Streams} streams p50 {At(gaps, 0.5):F0} ms, p99 {At(gaps, 0.99):F0} ms, longest {gaps[^1]:F0} ms ({gaps.Length} gaps); {Prompts} prompts {Prompts * 4000 / took.TotalSeconds:F0} tokens/s");
    }

    private static double At(double[] sorted, double share) => sorted[(int)Math.Ceiling(share * sorted.Length) - 1];

    private static SequenceId Submit(InferenceEngine engine, string name, int prompt, int output, int seed, GapRecorder sink)
    {
        var request = Load.Request(name, Load.Prompt(prompt, engine.Facts.VocabularySize, seed), output);
        var result = engine.SubmitAsync(new Attempt(request, 1, Journal.Begin(request).Sequences), sink, CancellationToken.None).AsTask().Result;
        return ((SubmitResult.Accepted)result).Sequences[0];
    }

    private sealed class GapRecorder : IStepSink
    {
        private readonly ConcurrentDictionary<SequenceId, TaskCompletionSource> _first = [];
        private readonly Dictionary<SequenceId, long> _last = [];
        private readonly List<double> _gaps = new(100_000);
        private readonly Lock _lock = new();

        public Task FirstToken(SequenceId id) => Source(id).Task;

        public void Begin(IEnumerable<SequenceId> streams)
        {
            lock (_lock)
            {
                foreach (var stream in streams)
                {
                    _last[stream] = Stopwatch.GetTimestamp();
                }
            }
        }

        /// <summary>Milliseconds, sorted.</summary>
        public double[] End()
        {
            lock (_lock)
            {
                _last.Clear();
                return [.. _gaps.Order()];
            }
        }

        public void OnStep(StepBatch batch)
        {
            var now = Stopwatch.GetTimestamp();
            lock (_lock)
            {
                for (var i = 0; i < batch.Entries.Count; i++)
                {
                    var id = batch.Entries[i].Sequence;
                    if (_last.TryGetValue(id, out var last))
                    {
                        _gaps.Add(Stopwatch.GetElapsedTime(last, now).TotalMilliseconds);
                        _last[id] = now;
                    }

                    Source(id).TrySetResult();
                }
            }
        }

        private TaskCompletionSource Source(SequenceId id) =>
            _first.GetOrAdd(id, _ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
    }
}
