namespace OrleansLLM.Compute;

/// <summary>The type in which keys and values are kept in the cache.</summary>
public enum ElementType
{
    Float32,
    BFloat16,
}

/// <summary>How linear operations compute.</summary>
public enum Arithmetic
{
    /// <summary>
    /// Quantized weights with activations of 8 bits, or more where a device has them for nothing; float32 for F32, F16 and BF16 weights.
    /// </summary>
    Auto,

    /// <summary>Float32 activations on exactly decoded weights, whatever the format.</summary>
    Float32,
}
