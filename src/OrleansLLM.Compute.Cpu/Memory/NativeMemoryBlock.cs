using System.Runtime.InteropServices;

namespace OrleansLLM.Compute.Cpu.Memory;

/// <summary>
/// Zeroed native memory, aligned to 64 bytes. Pages are untouched until used: on Linux a mapping of its own, in huge pages where the
/// system gives them on request; elsewhere what the C library's calloc does.
/// </summary>
internal sealed unsafe class NativeMemoryBlock : IDisposable
{
    private const long MappedFrom = 1 << 20;
    private const int HugePages = 14;
    private const nuint HugePageBytes = 2 << 20;

    private readonly void* _allocation;
    private readonly nuint _mapped;
    private bool _disposed;

    public NativeMemoryBlock(long bytes, PageUse use)
    {
        ByteLength = bytes;
        if (OperatingSystem.IsLinux() && bytes >= MappedFrom)
        {
            _mapped = (nuint)bytes + HugePageBytes;
            _allocation = Map(_mapped);
            Pointer = (byte*)(((nuint)_allocation + HugePageBytes - 1) & ~(HugePageBytes - 1));
            if (use == PageUse.Whole)
            {
                // A hint: where the system refuses, small pages do as well.
                _ = LinuxMemory.madvise(Pointer, (nuint)bytes, HugePages);
            }
        }
        else
        {
            _allocation = NativeMemory.AllocZeroed((nuint)bytes + 64);
            Pointer = (byte*)(((nuint)_allocation + 63) & ~(nuint)63);
        }

    }

    ~NativeMemoryBlock() => Free();

    public byte* Pointer { get; }

    public long ByteLength { get; }

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private static void* Map(nuint bytes)
    {
        var address = LinuxMemory.mmap(null, bytes, LinuxMemory.ReadWrite, LinuxMemory.PrivateAnonymous, -1, 0);
        return (nint)address != -1
            ? address
            : throw new InsufficientMemoryException(
                $"The system refused {bytes >> 20} MiB of memory. Use a smaller KV cache (--kv-cache-memory-bytes) or a smaller model.");
    }

    private void Free()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        if (_mapped != 0)
        {
            _ = LinuxMemory.munmap(_allocation, _mapped);
        }
        else
        {
            NativeMemory.Free(_allocation);
        }
    }

    private static partial class LinuxMemory
    {
        public const int ReadWrite = 3;
        public const int PrivateAnonymous = 0x22;

        [DllImport("libc", SetLastError = true)]
        public static extern void* mmap(void* address, nuint length, int protection, int flags, int descriptor, nint offset);

        [DllImport("libc")]
        public static extern int munmap(void* address, nuint length);

        [DllImport("libc")]
        public static extern int madvise(void* address, nuint length, int advice);
    }
}

/// <summary>How much of a block will be used, and so which pages fit.</summary>
internal enum PageUse
{
    /// <summary>All of it, such as weights.</summary>
    Whole,

    /// <summary>Here and there, such as cache blocks.</summary>
    Sparse,
}
