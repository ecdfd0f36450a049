using OrleansLLM.Compute.Formats;

namespace OrleansLLM.Compute;

/// <summary>Every weight format that is built. To add one: a class in Formats/ and a row here.</summary>
public static class WeightFormats
{
    public static WeightFormat F32 { get; } = new F32();

    public static WeightFormat F16 { get; } = new F16();

    public static WeightFormat BF16 { get; } = new BF16();

    public static WeightFormat Q4_0 { get; } = new Q4_0();

    public static WeightFormat Q4_1 { get; } = new Q4_1();

    public static WeightFormat Q5_0 { get; } = new Q5_0();

    public static WeightFormat Q5_1 { get; } = new Q5_1();

    public static WeightFormat Q8_0 { get; } = new Q8_0();

    public static WeightFormat Q4_K { get; } = new Q4_K();

    public static WeightFormat Q5_K { get; } = new Q5_K();

    public static WeightFormat Q6_K { get; } = new Q6_K();

    public static IReadOnlyList<WeightFormat> All { get; } =
    [
        F32,
        F16,
        BF16,
        Q4_0,
        Q4_1,
        Q5_0,
        Q5_1,
        Q8_0,
        Q4_K,
        Q5_K,
        Q6_K,
    ];

    /// <summary>The format of that name, or null where it is not built.</summary>
    public static WeightFormat? Find(string name) =>
        All.FirstOrDefault(format => string.Equals(format.Name, name, StringComparison.OrdinalIgnoreCase));
}
