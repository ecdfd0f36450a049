using System.Text;

namespace OrleansLLM.Cli.Serving;

/// <summary>
/// Lines on their way to a pipe, file or terminal. Promises: to add one never waits, whatever the reader does; a thread of its own writes
/// them in order; what finds no room is dropped and counted, and a line says so where they flow again; what can't be written, since the reader has
/// gone or there never was one, is counted, too, and harms nothing; disposing waits for the lines that are here as long as they flow, and for a
/// second where they do not. May be called from any thread.
/// </summary>
/// <param name="open">Throws <see cref="IOException"/> or <see cref="UnauthorizedAccessException"/> where there is nothing to write to.</param>
/// <param name="tell">The line that says how many were dropped.</param>
internal sealed class LogStream(Func<Stream> open, Func<long, string> tell) : IDisposable
{
    /// <summary>UTF-16 units that may wait: some ten thousand lines.</summary>
    public const int Room = 1 << 20;

    private static readonly TimeSpan FlushTimeout = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();

    /// <summary>Null stands where lines were dropped.</summary>
    private readonly Queue<string?> _lines = [];
    private readonly SemaphoreSlim _added = new(0);
    private Thread? _writer;
    private long _waiting;
    private long _written;
    private long _dropped;
    private long _told;
    private bool _endsWithGap;
    private bool _isDisposed;

    /// <summary>Lines that were dropped since the start.</summary>
    public long Dropped => Interlocked.Read(ref _dropped);

    /// <param name="text">With its line end.</param>
    public void Add(string text)
    {
        lock (_lock)
        {
            var fits = !_isDisposed && (_waiting == 0 || _waiting + text.Length <= Room);
            if (!fits)
            {
                Interlocked.Increment(ref _dropped);
            }

            if (_isDisposed || (!fits && _endsWithGap))
            {
                return;
            }

            Enqueue(fits ? text : null);
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            if (_isDisposed)
            {
                return;
            }

            _isDisposed = true;
            _added.Release();
        }

        for (var before = -1L; _writer is { } writer && before != Interlocked.Read(ref _written);)
        {
            before = Interlocked.Read(ref _written);
            if (writer.Join(FlushTimeout))
            {
                _added.Dispose();
                return;
            }
        }
    }

    private void Enqueue(string? line)
    {
        _lines.Enqueue(line);
        _waiting += line?.Length ?? 0;
        _endsWithGap = line is null;
        if (_writer is null)
        {
            _writer = new Thread(Write) { IsBackground = true, Name = "log" };
            _writer.Start();
        }

        _added.Release();
    }

    private void Write()
    {
        var stream = Open();
        while (true)
        {
            _added.Wait();
            string? line;
            lock (_lock)
            {
                if (!_lines.TryDequeue(out line))
                {
                    return; // disposed, and nothing is left
                }
            }

            if (line is not null)
            {
                Write(stream, line);
                lock (_lock)
                {
                    _waiting -= line.Length;
                }
            }
            else if (Dropped is var dropped && dropped > _told)
            {
                var told = tell(dropped - _told);
                _told = dropped;
                Write(stream, told);
            }

            Interlocked.Increment(ref _written);
        }
    }

    /// <summary>Null where there is nothing to write to.</summary>
    private Stream? Open()
    {
        try
        {
            return open();
        }
        catch (Exception error) when (IsLoss(error))
        {
            return null;
        }
    }

    /// <summary>May block for as long as nobody reads.</summary>
    private void Write(Stream? stream, string line)
    {
        if (!TryWrite(stream, line))
        {
            Interlocked.Increment(ref _dropped);
            _told = Dropped;
        }
    }

    private static bool TryWrite(Stream? stream, string line)
    {
        try
        {
            stream?.Write(Encoding.UTF8.GetBytes(line));
            stream?.Flush();
            return stream is not null;
        }
        catch (Exception error) when (IsLoss(error))
        {
            return false;
        }
    }

    /// <summary>The reader has gone for good, or the disk is full: what it was to read is lost.</summary>
    private static bool IsLoss(Exception error) => error is IOException or UnauthorizedAccessException;
}
