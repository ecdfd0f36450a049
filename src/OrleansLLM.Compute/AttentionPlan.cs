namespace OrleansLLM.Compute;

/// <summary>
/// What one step attends in one cache group, as flat arrays that are filled anew every step and never reallocated.
/// Prompt, chunk and decode are the same case: sequence s has query rows [QueryStarts[s], QueryStarts[s+1]) at consecutive
/// positions FirstPositions[s], +1, …, and each query sees the keys at positions up to its own.
/// <code>
/// rows:         | seq 0: 5 rows | seq 1: 1 row | seq 2: 3 rows |
/// QueryStarts:  0               5              6               9
/// BlockTables:  seq s, position p lies in block BlockTables[TableStarts[s] + p / BlockSize], slot p % BlockSize
/// </code>
/// A table entry of -1 is a block that fell out of every window; no query of this step may need it.
/// </summary>
public sealed class AttentionPlan(int maxSequences, int maxTableEntries)
{
    public int BlockSize { get; set; }

    public int Sequences { get; set; }

    public int[] QueryStarts { get; } = new int[maxSequences + 1];

    public int[] FirstPositions { get; } = new int[maxSequences];

    public int[] TableStarts { get; } = new int[maxSequences + 1];

    public int[] BlockTables { get; } = new int[maxTableEntries];

    /// <summary>Rows of all sequences together.</summary>
    public int Rows => QueryStarts[Sequences];
}

/// <summary>What a layer's attention is: values of the layer, the same every step.</summary>
/// <param name="Heads">Query heads; head h reads key head h / (Heads / KeyHeads).</param>
/// <param name="Scale">Multiplies every score.</param>
/// <param name="Window">A query at position p sees keys at positions above p - Window; 0 = all.</param>
/// <param name="SoftCap">Scores become cap · tanh(score / cap); 0 = none.</param>
public readonly record struct AttentionShape(
    int Heads, int KeyHeads, int KeyWidth, int ValueWidth, float Scale, int Window = 0, float SoftCap = 0)
{
    /// <summary>Columns of a row of queries, keys and values: [q heads | k heads | v heads].</summary>
    public int QkvColumns => (Heads * KeyWidth) + (KeyHeads * (KeyWidth + ValueWidth));
}

/// <summary>
/// Rotary frequencies of one step: row t turns by Positions[t] · Frequencies[FrequencyRows[t], i] in pair (i, i + half).
/// Static scalings have one row of frequencies, dynamic ones as many as the batch has distinct lengths.
/// </summary>
public sealed class RopePlan(int maxRows, int half)
{
    /// <summary>Pairs that turn: half the rotary width. The rest of a head stays as it is.</summary>
    public int Half { get; } = half;

    public int Rows { get; set; }

    public int[] Positions { get; } = new int[maxRows];

    public int[] FrequencyRows { get; } = new int[maxRows];

    /// <summary>[rows of frequencies, Half], in radians a position.</summary>
    public float[] Frequencies { get; set; } = new float[half];

    /// <summary>Multiplies cosine and sine (YaRN's attention factor), 1 elsewhere.</summary>
    public float Scale { get; set; } = 1;
}
