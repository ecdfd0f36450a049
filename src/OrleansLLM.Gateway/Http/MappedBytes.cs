using System.Buffers;
using System.IO.MemoryMappedFiles;

namespace OrleansLLM.Gateway.Http;

/// <summary>Bytes of the system's own: pages that nothing was written to take no memory, and all of it goes back at once.</summary>
internal sealed unsafe class MappedBytes : MemoryManager<byte>
{
    private readonly MemoryMappedViewAccessor _view;
    private readonly byte* _start;
    private readonly int _length;

    public MappedBytes(int length)
    {
        // The view outlives the file, whose descriptor others may need.
        using var file = MemoryMappedFile.CreateNew(null, length);
        _view = file.CreateViewAccessor(0, length);
        _length = length;
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _start);
    }

    public override Span<byte> GetSpan() => new(_start, _length);

    public override MemoryHandle Pin(int elementIndex = 0) => new(_start + elementIndex);

    public override void Unpin()
    {
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _view.SafeMemoryMappedViewHandle.ReleasePointer();
            _view.Dispose();
        }
    }
}
