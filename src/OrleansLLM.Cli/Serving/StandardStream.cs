using System.Runtime.InteropServices;

namespace OrleansLLM.Cli.Serving;

/// <summary>
/// The process's output or errors as whoever started it left them. Promises: a write is whole or an error, also where the reader has gone, of
/// which the runtime's own stream says nothing; it may block for as long as nobody reads; a stream that was closed at the start is none, whatever
/// this process has opened in its place since.
/// </summary>
/// <param name="descriptor">Stays open.</param>
internal sealed partial class StandardStream(int descriptor) : Stream
{
    private const int GetDescriptorFlags = 1;
    private const int Interrupted = 4;
    private const short CanBeWritten = 4;

    private static readonly int WouldBlock = OperatingSystem.IsLinux() ? 11 : 35;

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <exception cref="IOException">It was closed.</exception>
    public static Stream OpenOutput() => OperatingSystem.IsWindows() ? Console.OpenStandardOutput() : OpenInherited(1);

    /// <exception cref="IOException">It was closed.</exception>
    public static Stream OpenErrors() => OperatingSystem.IsWindows() ? Console.OpenStandardError() : OpenInherited(2);

    /// <exception cref="IOException">The reader has gone, the disk is full.</exception>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        while (buffer.Length > 0)
        {
            var written = Write(descriptor, buffer, buffer.Length);
            if (written < 0)
            {
                WaitOrThrow(Marshal.GetLastPInvokeError());
            }
            else
            {
                buffer = buffer[(int)written..];
            }
        }
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    private static StandardStream OpenInherited(int descriptor)
    {
        // The one flag there is, close-on-exec, is never set on what was inherited, and always on what the runtime opened itself.
        if (GetFlags(descriptor, GetDescriptorFlags) != 0)
        {
            throw new IOException(FormattableString.Invariant($"Descriptor {descriptor} was closed when this process started."));
        }

        return new StandardStream(descriptor);
    }

    private void WaitOrThrow(int error)
    {
        if (error == WouldBlock)
        {
            var wanted = new Wanted(descriptor, CanBeWritten);
            _ = Poll(ref wanted, 1, -1);
        }
        else if (error != Interrupted)
        {
            throw new IOException(Marshal.GetPInvokeErrorMessage(error));
        }
    }

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint Write(int descriptor, ReadOnlySpan<byte> bytes, nint count);

    [LibraryImport("libc", EntryPoint = "fcntl")]
    private static partial int GetFlags(int descriptor, int command);

    [LibraryImport("libc", EntryPoint = "poll")]
    private static partial int Poll(ref Wanted descriptors, nuint count, int milliseconds);

    [StructLayout(LayoutKind.Sequential)]
    private readonly struct Wanted(int descriptor, short events)
    {
        public readonly int Descriptor = descriptor;
        public readonly short Events = events;
        public readonly short Returned = 0;
    }
}
