namespace OrleansLLM.Compute.Cpu.Simd;

/// <summary>
/// One vector register of an instruction set, as a type parameter of the kernels: each is written once and compiled for every width.
/// <typeparamref name="TVector"/> is untyped; an operation's name says how it reads its lanes. Every operation is exact or rounds once
/// (<see cref="Fma"/> is fused everywhere), so that a kernel gives the same bits on every instruction set.
/// </summary>
internal unsafe interface ISimd<TVector>
    where TVector : struct
{
    /// <summary>32-bit lanes of a vector.</summary>
    static abstract int Lanes { get; }

    static abstract TVector Zero { get; }

    static abstract TVector Load(void* from);

    static abstract void Store(TVector value, void* to);

    /// <summary>The same four bytes in every lane.</summary>
    static abstract TVector Broadcast(int value);

    static abstract TVector Broadcast(float value);

    /// <summary>Lanes bytes, zero-extended to int32.</summary>
    static abstract TVector LoadBytes(byte* from);

    /// <summary>Lanes signed bytes, extended to int32.</summary>
    static abstract TVector LoadSignedBytes(byte* from);

    /// <summary>Lanes 16-bit numbers, zero-extended to int32.</summary>
    static abstract TVector LoadUInt16(void* from);

    /// <summary>The lower halves of the int32 lanes, as Lanes 16-bit numbers.</summary>
    static abstract void StoreUInt16(TVector value, void* to);

    static abstract TVector And(TVector left, TVector right);

    /// <summary>The bits of value that are clear in mask.</summary>
    static abstract TVector Except(TVector value, TVector mask);

    static abstract TVector Or(TVector left, TVector right);

    static abstract TVector Xor(TVector left, TVector right);

    static abstract TVector ShiftLeftInt32(TVector value, int count);

    static abstract TVector ShiftRightInt32(TVector value, int count);

    static abstract TVector ShiftRightUInt32(TVector value, int count);

    static abstract TVector ShiftRightUInt16(TVector value, int count);

    static abstract TVector AddInt16(TVector left, TVector right);

    static abstract TVector AddInt32(TVector left, TVector right);

    /// <summary>int16 lane i = u[2i] · s[2i] + u[2i + 1] · s[2i + 1]; the caller keeps it within int16.</summary>
    static abstract TVector MultiplyBytePairs(TVector unsignedBytes, TVector signedBytes);

    /// <summary>int32 lane i = l[2i] · r[2i] + l[2i + 1] · r[2i + 1] over int16 lanes.</summary>
    static abstract TVector MultiplyInt16Pairs(TVector left, TVector right);

    /// <summary>int32 lane i = v[2i] + v[2i + 1] over int16 lanes.</summary>
    static abstract TVector SumInt16Pairs(TVector value);

    static abstract TVector ToSingle(TVector int32);

    static abstract TVector Add(TVector left, TVector right);

    static abstract TVector Subtract(TVector left, TVector right);

    static abstract TVector Multiply(TVector left, TVector right);

    static abstract TVector Divide(TVector left, TVector right);

    /// <summary>left · right + addend, rounded once.</summary>
    static abstract TVector Fma(TVector left, TVector right, TVector addend);

    /// <summary>All bits set where left is greater than right as float32.</summary>
    static abstract TVector Greater(TVector left, TVector right);

    /// <summary>All bits set where left equals right as int32.</summary>
    static abstract TVector EqualInt32(TVector left, TVector right);

    static abstract TVector Select(TVector mask, TVector ifSet, TVector ifClear);

    /// <summary>Whether any bit is set.</summary>
    static abstract bool Any(TVector mask);
}
