namespace OrleansLLM.Compute;

/// <summary>
/// A weight format: how the file lays out a block, and the scalar decode that defines what it means. A device keeps its
/// own layout. To add one: a class in Formats/ and a row in <see cref="WeightFormats"/>; every device then works
/// through <see cref="Decode"/>, and a fast kernel may follow.
/// </summary>
public abstract class WeightFormat
{
    /// <summary>GGUF's name, such as <c>Q4_K</c>.</summary>
    public abstract string Name { get; }

    /// <summary>Weights a block.</summary>
    public abstract int BlockElements { get; }

    /// <summary>Bytes a block in the file.</summary>
    public abstract int BlockBytes { get; }

    public int RowBytes(int columns) => columns / BlockElements * BlockBytes;

    /// <summary>
    /// Decodes whole blocks: <paramref name="blocks"/> holds n · <see cref="BlockBytes"/> bytes, <paramref name="values"/>
    /// takes n · <see cref="BlockElements"/> numbers, equal bit for bit to what gguf-py and llama.cpp decode.
    /// </summary>
    public abstract void Decode(ReadOnlySpan<byte> blocks, Span<float> values);

    public override string ToString() => Name;
}
