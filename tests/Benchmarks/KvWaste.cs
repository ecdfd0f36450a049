using System.Globalization;
using OrleansLLM.Cli.Bench;
using OrleansLLM.Engine;
using OrleansLLM.Sequences;

namespace OrleansLLM.Benchmarks;

/// <summary>
/// The time average of (slots allocated - slots filled) / slots allocated, over the seeded ShareGPT-like mix, block 16, every step, without
/// prefix sharing. A sequence whose newest token stands at position p fills p slots. One that is still in its prompt counts as
/// allocated and not as filled, so the figure is an upper bound.
/// </summary>
internal static class KvWaste
{
    public static async Task RunAsync(string[] arguments)
    {
        var count = arguments.Length > 1 ? int.Parse(arguments[1], CultureInfo.InvariantCulture) : 200;
        using var model = await Load.OpenAsync(arguments[0], PrefixCaching.Off);
        var engine = model.Engine;
        var items = Workload.ShareGptLike(count, Math.Min(2000, engine.Facts.MaxLength), seed: 0);
        var sink = new SlotCounter(engine, count);
        for (var i = 0; i < items.Count; i++)
        {
            var prompt = Load.Prompt(items[i].InputTokens, engine.Facts.VocabularySize, seed: i);
            var request = Load.Request(model.Served.Name, prompt, items[i].OutputTokens);
            await engine.SubmitAsync(new Attempt(request, 1, Journal.Begin(request).Sequences), sink, CancellationToken.None);
        }

        await sink.Ended;
        Console.WriteLine(FormattableString.Invariant(
            $"KV waste {sink.Waste * 100:F2} % (time average of {sink.Steps} steps, {count} requests, block {engine.Facts.BlockSize})"));
    }

    /// <summary>Looks at the pool whenever a step publishes; the load is of the step before, and so are the positions it compares.</summary>
    private sealed class SlotCounter(InferenceEngine engine, int requests) : IStepSink
    {
        private readonly Dictionary<SequenceId, int> _filled = [];
        private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private double _sum;
        private int _left = requests;
        private long _last = -1;

        public Task Ended => _ended.Task;

        public int Steps { get; private set; }

        public double Waste => _sum / Steps;

        public void OnStep(StepBatch batch)
        {
            var load = engine.Load;
            var allocated = (double)load.UsedBlocks * engine.Facts.BlockSize;
            var filled = _filled.Values.Sum();
            if (load.Step != _last && filled > 0 && allocated >= filled)
            {
                _sum += (allocated - filled) / allocated;
                Steps++;
            }

            _last = load.Step;
            foreach (var entry in batch.Entries)
            {
                _filled[entry.Sequence] = entry.Position;
                if (entry.End is not null)
                {
                    _filled.Remove(entry.Sequence);
                    _left--;
                }
            }

            if (_left == 0)
            {
                _ended.TrySetResult();
            }
        }
    }
}
