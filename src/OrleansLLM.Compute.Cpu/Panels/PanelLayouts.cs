using OrleansLLM.Compute.Cpu.Panels.Formats;

namespace OrleansLLM.Compute.Cpu.Panels;

/// <summary>
/// The layout of every format with a kernel. To add one: a row here, and a struct in Formats/ where no existing layout fits. A format
/// without a row is kept decoded, in float32.
/// </summary>
internal static class PanelLayouts
{
    private static readonly PanelLayout Decoded = new FloatLayout<Float32Panel>();

    private static readonly Dictionary<string, PanelLayout> ByFormat = new(StringComparer.OrdinalIgnoreCase)
    {
        ["F32"] = Decoded,
        ["F16"] = new FloatLayout<Float16Panel>(),
        ["BF16"] = new FloatLayout<BFloat16Panel>(),
        ["Q4_0"] = new PairLayout<HalfScales, Q4_0>(),
        ["Q4_1"] = new PairLayout<HalfScalesAndMinimums, Q4_1>(),
        ["Q4_K"] = new CodeLayout<NibbleCodes, SuperBlockScales, Q4_K>(),
        ["Q5_0"] = new CodeLayout<ByteCodes, HalfScales, Q5_0>(),
        ["Q5_1"] = new CodeLayout<ByteCodes, HalfScalesAndMinimums, Q5_1>(),
        ["Q5_K"] = new CodeLayout<ByteCodes, SuperBlockScales, Q5_K>(),
        ["Q6_K"] = new SixBitLayout(),
        ["Q8_0"] = new CodeLayout<ByteCodes, HalfScales, Q8_0>(),
    };

    public static PanelLayout For(WeightFormat format) => ByFormat.GetValueOrDefault(format.Name, Decoded);
}
