using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;
using static System.FormattableString;

namespace OrleansLLM.Files;

/// <summary>
/// A file mapped into memory for reading. Promises: every access is checked against the file's length, offsets are 64-bit, nothing
/// is copied, any thread may read. Spans end with <see cref="Dispose"/>.
/// </summary>
public sealed unsafe partial class MappedFile : IDisposable
{
    private const int DontNeed = 4;

    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private readonly byte* _start;

    private MappedFile(string path, long length, MemoryMappedFile file)
    {
        Path = path;
        Length = length;
        _file = file;
        _view = file.CreateViewAccessor(0, length, MemoryMappedFileAccess.Read);
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _start);
        _start += _view.PointerOffset;
    }

    public string Path { get; }

    public long Length { get; }

    /// <exception cref="FileFormatException">The file is not there, can't be read or has no bytes.</exception>
    public static MappedFile Open(string path)
    {
        FileStream? stream = null;
        try
        {
            stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, 1);
            var length = stream.Length;
            RefusePointer(path, stream);
            return length == 0
                ? throw new FileFormatException(path, "the file has no bytes; copy or download it again")
                : new(path, length, MemoryMappedFile.CreateFromFile(stream, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, false));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            stream?.Dispose();
            throw new FileFormatException(
                path,
                error is FileNotFoundException && RealPath.TargetOf(path) is { } target ? $"is a link to {target}, which is not there" : $"can't be read ({error.Message})",
                error);
        }
        catch (FileFormatException)
        {
            stream?.Dispose();
            throw;
        }
    }

    private static void RefusePointer(string path, FileStream stream)
    {
        Span<byte> start = stackalloc byte[64];
        PointerFiles.Refuse(path, start[..RandomAccess.Read(stream.SafeFileHandle, start, 0)]);
    }

    /// <summary>Bytes [offset, offset + length).</summary>
    public ReadOnlySpan<byte> Bytes(long offset, int length)
    {
        ObjectDisposedException.ThrowIf(_view.SafeMemoryMappedViewHandle.IsClosed, this);
        if (offset < 0 || length < 0 || offset > Length - length)
        {
            throw new ArgumentOutOfRangeException(nameof(offset), Invariant($"bytes {offset} to {offset} + {length} lie outside {Path} of {Length} bytes"));
        }

        return new(_start + offset, length);
    }

    /// <summary>
    /// Tells the system that these bytes are not needed again soon, so that they stop counting as resident. Reading them again is
    /// right, only slower. Does nothing where the system has no such call.
    /// </summary>
    public void Release(long offset, long length)
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        var page = Environment.SystemPageSize;
        var first = (nint)(_start + offset + page - 1) / page * page;
        var last = offset + length == Length ? (nint)(_start + Length) : (nint)(_start + offset + length) / page * page;
        if (last > first)
        {
            _ = Advise(first, last - first, DontNeed);
        }
    }

    public void Dispose()
    {
        if (!_view.SafeMemoryMappedViewHandle.IsClosed)
        {
            _view.SafeMemoryMappedViewHandle.ReleasePointer();
        }

        _view.Dispose();
        _file.Dispose();
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(nint address, nint length, int advice);
}
