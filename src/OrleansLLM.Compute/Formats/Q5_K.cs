namespace OrleansLLM.Compute.Formats;

/// <summary>
/// As Q4_K with a fifth bit: bit g of byte i of h belongs to weight i of group g.
/// <code>| d: 2 | e: 2 | s and m: 12 | h: 32 | q: 128 |</code>
/// </summary>
internal sealed class Q5_K : SuperBlockFormat
{
    public override string Name => "Q5_K";

    public override int BlockBytes => 176;

    protected override int Code(ReadOnlySpan<byte> block, int group, int i) =>
        ((block[48 + (group / 2 * 32) + i] >> (group % 2 * 4)) & 15) | ((block[16 + i] >> group & 1) << 4);
}
