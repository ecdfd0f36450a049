using System.Diagnostics.Metrics;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using Microsoft.Extensions.Time.Testing;
using OrleansLLM.Cli.Arguments;
using OrleansLLM.Cli.Serving;

namespace OrleansLLM.Cli.Tests.Serving;

/// <summary>vLLM's line, as people and their scripts read it. Meters are the process's, so these tests and servers take turns.</summary>
[Collection("Meters")]
public sealed class StatisticsReporterTests
{
    private const string Busy =
        "Engine 000: Avg prompt throughput: 4.0 tokens/s, Avg generation throughput: 2.5 tokens/s, Running: 3 reqs, Waiting: 1 reqs, GPU KV cache usage: 12.5%, Prefix cache hit rate: 25.0%";

    private const string Idle =
        "Engine 000: Avg prompt throughput: 0.0 tokens/s, Avg generation throughput: 0.0 tokens/s, Running: 0 reqs, Waiting: 0 reqs, GPU KV cache usage: 0.0%, Prefix cache hit rate: 25.0%";

    [Fact]
    public async Task Every_ten_seconds_there_is_vllms_line_while_something_happens_and_once_after()
    {
        await using var run = await ReporterRun.StartAsync(LogFormat.Text);
        run.BeBusy();
        Assert.Equal($"INFO 01-01 00:00:10 {Busy}\n", await run.NextLineAsync());
        run.BeIdle();
        Assert.Equal($"INFO 01-01 00:00:20 {Idle}\n", await run.NextLineAsync());
        await run.TickAsync();
        await run.TickAsync();
        run.BeBusy();
        Assert.StartsWith("INFO 01-01 00:00:50 Engine 000: Avg prompt throughput: 4.0", await run.NextLineAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task For_machines_it_is_one_line_of_json_with_the_figures_as_numbers()
    {
        await using var run = await ReporterRun.StartAsync(LogFormat.Json);
        run.BeBusy();
        var line = await run.NextLineAsync();
        Assert.Equal(line.Length - 1, line.IndexOf('\n', StringComparison.Ordinal));
        var json = JsonNode.Parse(line)!;
        Assert.Equal(("Information", Busy), ((string?)json["LogLevel"], (string?)json["Message"]));
        Assert.Equal((4.0, 2.5, 3L, 1L, 12.5, 25.0), (
            (double)json["State"]!["PromptThroughput"]!, (double)json["State"]!["GenerationThroughput"]!, (long)json["State"]!["Running"]!,
            (long)json["State"]!["Waiting"]!, (double)json["State"]!["CacheUsage"]!, (double)json["State"]!["HitRate"]!));
    }

    /// <summary>A reporter on a clock that stands still, over instruments as gateway and engine have them.</summary>
    private sealed class ReporterRun : IAsyncDisposable
    {
        private readonly Meter _meter = new("OrleansLLM");
        private readonly Clock _time = new();
        private readonly Channel<bool> _ticks = Channel.CreateUnbounded<bool>();
        private readonly FormattedLog<StatisticsReporter> _log;
        private readonly StatisticsReporter _reporter;
        private readonly Counter<long> _prompt;
        private readonly Counter<long> _generation;
        private bool _busy;

        private ReporterRun(LogFormat format)
        {
            _log = new FormattedLog<StatisticsReporter>(_time, format);
            _reporter = new StatisticsReporter(_time, _log);
            _prompt = _meter.CreateCounter<long>("vllm.prompt_tokens");
            _generation = _meter.CreateCounter<long>("vllm.generation_tokens");
            _meter.CreateObservableGauge("vllm.num_requests_running", () => _busy ? 3.0 : 0);
            _meter.CreateObservableGauge("vllm.num_requests_waiting", () => _busy ? 1.0 : 0);
            _meter.CreateObservableGauge("vllm.kv_cache_usage_perc", () => _busy ? 0.125 : 0);
            _meter.CreateObservableCounter("vllm.prefix_cache_queries", () => 80L);
            _meter.CreateObservableCounter("vllm.prefix_cache_hits", () =>
            {
                _ticks.Writer.TryWrite(true);
                return 20L;
            });
        }

        public static async Task<ReporterRun> StartAsync(LogFormat format)
        {
            var run = new ReporterRun(format);
            await run._reporter.StartAsync(TestContext.Current.CancellationToken);
            await run._time.HasTimer.WaitAsync(TestContext.Current.CancellationToken);
            return run;
        }

        public void BeBusy()
        {
            _busy = true;
            _prompt.Add(40);
            _generation.Add(25);
        }

        public void BeIdle() => _busy = false;

        public async Task TickAsync()
        {
            _time.Advance(TimeSpan.FromSeconds(10));
            await _ticks.Reader.ReadAsync(TestContext.Current.CancellationToken);
        }

        public async Task<string> NextLineAsync()
        {
            await TickAsync();
            return await _log.Lines.ReadAsync(TestContext.Current.CancellationToken);
        }

        public async ValueTask DisposeAsync()
        {
            await _reporter.StopAsync(CancellationToken.None);
            _reporter.Dispose();
            _meter.Dispose();
            await _log.DisposeAsync();
        }
    }

    /// <summary>Tells when somebody waits for it.</summary>
    private sealed class Clock : FakeTimeProvider
    {
        private readonly TaskCompletionSource _hasTimer = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task HasTimer => _hasTimer.Task;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            var timer = base.CreateTimer(callback, state, dueTime, period);
            _hasTimer.TrySetResult();
            return timer;
        }
    }
}
