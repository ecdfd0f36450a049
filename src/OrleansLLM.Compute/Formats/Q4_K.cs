namespace OrleansLLM.Compute.Formats;

/// <summary>
/// 4-bit q: groups 2k and 2k + 1 share 32 bytes, low halves, then high halves.
/// <code>| d: 2 | e: 2 | s and m: 12 | q: 128 |</code>
/// </summary>
internal sealed class Q4_K : SuperBlockFormat
{
    public override string Name => "Q4_K";

    public override int BlockBytes => 144;

    protected override int Code(ReadOnlySpan<byte> block, int group, int i) => (block[16 + (group / 2 * 32) + i] >> (group % 2 * 4)) & 15;
}
