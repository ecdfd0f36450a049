using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using OrleansLLM.Cli.Serving;

namespace OrleansLLM.Cli.Tests.Serving;

/// <summary>A pipe behind a standard stream: full, slow, without a reader.</summary>
public sealed partial class StandardStreamTests : IDisposable
{
    private const int CloseOnExec = 0x80000;
    private const int SetStatusFlags = 4;
    private const int NonBlocking = 0x800;

    private readonly SafeFileHandle _reader;
    private readonly SafeFileHandle _writer;

    public StandardStreamTests()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The numbers are Linux'.");
        var ends = new int[2];
        Assert.Equal(0, Pipe(ends, CloseOnExec));
        (_reader, _writer) = (new SafeFileHandle(ends[0], true), new SafeFileHandle(ends[1], true));
    }

    /// <summary>A pipe is often shared with a program that made it so.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_is_longer_than_a_pipe_is_written_whole_whether_or_not_the_pipe_blocks(bool blocks)
    {
        if (!blocks)
        {
            Assert.Equal(0, Control(Descriptor(_writer), SetStatusFlags, NonBlocking));
        }

        var sent = new byte[1 << 20];
        new Random(1).NextBytes(sent);
        var writing = Task.Run(
            () =>
            {
                using (_writer)
                {
                    using var stream = new StandardStream(Descriptor(_writer));
                    stream.Write(sent);
                }
            },
            TestContext.Current.CancellationToken);
        using var received = new MemoryStream();
        await using var from = new FileStream(_reader, FileAccess.Read);
        await from.CopyToAsync(received, TestContext.Current.CancellationToken);
        await writing;
        Assert.Equal(sent, received.ToArray());
    }

    [Fact]
    public void A_reader_that_has_gone_is_an_error()
    {
        using var stream = new StandardStream(Descriptor(_writer));
        stream.Write("read, perhaps\n"u8);
        _reader.Dispose();
        Assert.Throws<IOException>(() => stream.Write("lost\n"u8));
        _writer.Dispose();
        Assert.Throws<IOException>(() => stream.Write("lost\n"u8));
    }

    public void Dispose()
    {
        _reader.Dispose();
        _writer.Dispose();
    }

    private static int Descriptor(SafeFileHandle handle) => (int)handle.DangerousGetHandle();

    [LibraryImport("libc", EntryPoint = "pipe2")]
    private static partial int Pipe([Out] int[] ends, int flags);

    [LibraryImport("libc", EntryPoint = "fcntl")]
    private static partial int Control(int descriptor, int command, int value);
}
