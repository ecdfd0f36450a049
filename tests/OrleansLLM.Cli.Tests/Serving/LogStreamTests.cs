using System.Text;
using OrleansLLM.Cli.Serving;

namespace OrleansLLM.Cli.Tests.Serving;

/// <summary>A log whose reader stops, goes on, and goes away.</summary>
public sealed class LogStreamTests
{
    private readonly HeldStream _held = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public void Lines_are_written_whole_and_in_order_before_the_log_is_gone()
    {
        _held.Flow();
        var log = new LogStream(() => _held, Tell);
        string[] lines = [.. Enumerable.Range(0, 5000).Select(i => $"line {i}, of which each is written as it came: é\n")];
        Array.ForEach(lines, log.Add);
        log.Dispose();
        log.Dispose();
        Assert.Equal(string.Concat(lines), _held.Written);
        Assert.Equal(0, log.Dropped);
    }

    [Fact]
    public async Task What_nobody_reads_is_dropped_and_counted_and_said_in_its_place()
    {
        using var log = new LogStream(() => _held, Tell);
        log.Add("first\n");
        await _held.Blocked.WaitAsync(Cancellation);
        var line = new string('x', 999) + "\n";
        const int Fitting = (LogStream.Room - 6) / 1000;
        for (var i = 0; i < Fitting + 7; i++)
        {
            log.Add(line);
        }

        Assert.Equal(7, log.Dropped);
        _held.Flow();
        await _held.WaitForAsync("7 lost\n", Cancellation);
        log.Add("last\n");
        await _held.WaitForAsync("last\n", Cancellation);
        Assert.Equal("first\n" + string.Concat(Enumerable.Repeat(line, Fitting)) + "7 lost\nlast\n", _held.Written);
    }

    [Fact]
    public async Task A_held_log_keeps_nobody_from_leaving()
    {
        var log = new LogStream(() => _held, Tell);
        log.Add("first\n");
        await _held.Blocked.WaitAsync(Cancellation);
        log.Add("second\n");
        await Task.Run(log.Dispose, Cancellation).WaitAsync(TimeSpan.FromSeconds(20), Cancellation);
        log.Add("third\n");
        Assert.Equal(1, log.Dropped);
        _held.Flow();
    }

    [Fact]
    public async Task A_reader_that_has_gone_costs_its_lines_and_nothing_else()
    {
        using var log = new LogStream(() => _held, Tell);
        _held.Break(new IOException("Broken pipe"));
        log.Add("first\n");
        log.Add("second\n");
        await _held.Broken.WaitAsync(Cancellation);
        log.Dispose();
        Assert.Equal(2, log.Dropped);
        Assert.Equal("", _held.Written);
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public void A_stream_that_is_closed_or_refuses_costs_its_lines_and_nothing_else(bool opens, bool isForbidden)
    {
        Exception refusal = isForbidden ? new UnauthorizedAccessException() : new IOException();
        _held.Break(refusal);
        var log = new LogStream(() => opens ? _held : throw refusal, Tell);
        log.Add("first\n");
        log.Add("second\n");
        log.Add("third\n");
        log.Dispose();
        Assert.Equal((3, ""), (log.Dropped, _held.Written));
    }

    private static string Tell(long count) => $"{count} lost\n";

    /// <summary>A pipe that is full until it flows.</summary>
    private sealed class HeldStream : Stream
    {
        private readonly ManualResetEventSlim _flows = new();
        private readonly TaskCompletionSource _blocked = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _broken = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly StringBuilder _written = new();
        private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private volatile Exception? _refusal;
        private int _failures;

        public Task Blocked => _blocked.Task;

        /// <summary>Two writes have failed.</summary>
        public Task Broken => _broken.Task;

        public string Written
        {
            get
            {
                lock (_written)
                {
                    return _written.ToString();
                }
            }
        }

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position { get; set; }

        public void Flow() => _flows.Set();

        public void Break(Exception refusal)
        {
            _refusal = refusal;
            _flows.Set();
        }

        public async Task WaitForAsync(string end, CancellationToken cancellation)
        {
            while (true)
            {
                var changed = Volatile.Read(ref _changed).Task;
                if (Written.EndsWith(end, StringComparison.Ordinal))
                {
                    return;
                }

                await changed.WaitAsync(cancellation);
            }
        }

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            _blocked.TrySetResult();
            _flows.Wait(Cancellation);
            if (_refusal is { } refusal)
            {
                if (++_failures == 2)
                {
                    _broken.TrySetResult();
                }

                throw refusal;
            }

            lock (_written)
            {
                _written.Append(Encoding.UTF8.GetString(buffer));
            }

            Interlocked.Exchange(ref _changed, new(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
        }

        public override void Flush()
        {
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
