using OrleansLLM.Compute.Formats;

namespace OrleansLLM.Compute;

/// <summary>Every weight format that is built. To add one: a class in Formats/ and a row here.</summary>
public static class WeightFormats
{
    public static WeightFormat F32 { get; } = new F32();

    public static WeightFormat F16 { get; } = new F16();

    public static WeightFormat BF16 { get; } = new BF16();

    public static IReadOnlyList<WeightFormat> All { get; } =
    [
        F32,
        F16,
        BF16,
    ];

    /// <summary>The format of that name, or null where it is not built.</summary>
    public static WeightFormat? Find(string name) =>
        All.FirstOrDefault(format => string.Equals(format.Name, name, StringComparison.OrdinalIgnoreCase));
}
