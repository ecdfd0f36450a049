namespace OrleansLLM.Compute;

/// <summary>
/// What is drawn in one step, as flat arrays that are filled anew every step. Row r of the logits gives one token. The order is
/// vLLM's: allowed ids, bias, repetition then frequency and presence penalties, greedy if Temperature is 0, else temperature,
/// min-p, top-k, top-p, one draw. Top-k keeps all that are as likely as its last; else ties go to the lower id. A row that draws
/// nothing gives <see cref="NothingAllowed"/> or <see cref="BrokenLogits"/> instead of an id.
/// </summary>
/// <param name="seen">Entries that <see cref="Seen"/> has room for from the start, in all rows; memory that is not touched before it is used.</param>
public sealed class SamplingPlan(int maxRows, int seen = RowLists<int>.FirstRoom)
{
    /// <summary>A row's token where allowed ids and bias leave none.</summary>
    public const int NothingAllowed = -1;

    /// <summary>A row's token where its logits hold NaN or infinity, or nothing above minus infinity: the model is damaged.</summary>
    public const int BrokenLogits = -2;

    public int Rows { get; set; }

    /// <summary>0 = greedy.</summary>
    public float[] Temperature { get; } = new float[maxRows];

    /// <summary>0 = all.</summary>
    public int[] TopK { get; } = new int[maxRows];

    /// <summary>1 = all.</summary>
    public float[] TopP { get; } = new float[maxRows];

    /// <summary>0 = none.</summary>
    public float[] MinP { get; } = new float[maxRows];

    /// <summary>Divides positive and multiplies negative logits of tokens that prompt or output hold; 1 = none.</summary>
    public float[] RepetitionPenalty { get; } = new float[maxRows];

    /// <summary>Subtracted once from tokens that the output holds.</summary>
    public float[] PresencePenalty { get; } = new float[maxRows];

    /// <summary>Subtracted once for each time the output holds the token.</summary>
    public float[] FrequencyPenalty { get; } = new float[maxRows];

    public ulong[] Seed { get; } = new ulong[maxRows];

    /// <summary>The sample's index in its group.</summary>
    public int[] Sample { get; } = new int[maxRows];

    /// <summary>The position that the drawn token will have.</summary>
    public int[] Position { get; } = new int[maxRows];

    /// <summary>Added to logits; minus infinity forbids a token.</summary>
    public RowLists<float> Bias { get; } = new(maxRows);

    /// <summary>Tokens of prompt and output with their count in the output; a row without penalties has none.</summary>
    public RowLists<int> Seen { get; } = new(maxRows, seen);

    /// <summary>The only tokens that may be drawn; a row without entries allows all. The value is unused.</summary>
    public RowLists<byte> Allowed { get; } = new(maxRows);
}

/// <summary>
/// A list of (token id, value) for each row, flat: row r has entries [Starts[r], Starts[r+1]). Rows are filled in order;
/// the arrays grow to the largest step seen and stay.
/// </summary>
public sealed class RowLists<T>(int maxRows, int room = RowLists<T>.FirstRoom)
    where T : unmanaged
{
    internal const int FirstRoom = 16;

    private int[] _ids = GC.AllocateUninitializedArray<int>(room);
    private T[] _values = GC.AllocateUninitializedArray<T>(room);
    private int _count;
    private int _rows;

    public int[] Starts { get; } = new int[maxRows + 1];

    public ReadOnlySpan<int> Ids(int row) => _ids.AsSpan(Starts[row]..Starts[row + 1]);

    public ReadOnlySpan<T> Values(int row) => _values.AsSpan(Starts[row]..Starts[row + 1]);

    public void Clear() => (_count, _rows) = (0, 0);

    /// <summary>Adds an entry to the row that is being filled.</summary>
    public void Add(int id, T value) => Add([id], [value]);

    /// <summary>Adds entries to the row that is being filled.</summary>
    public void Add(ReadOnlySpan<int> ids, ReadOnlySpan<T> values)
    {
        var count = _count + ids.Length;
        if (count > _ids.Length)
        {
            Array.Resize(ref _ids, Math.Max(count, 2 * _count));
            Array.Resize(ref _values, _ids.Length);
        }

        ids.CopyTo(_ids.AsSpan(_count));
        values.CopyTo(_values.AsSpan(_count));
        _count = count;
    }

    /// <summary>Ends the row that is being filled.</summary>
    public void EndRow() => Starts[++_rows] = _count;
}

/// <summary>
/// Log probabilities (natural logarithm) of raw logits: of a chosen token and of the most likely ones, row by row.
/// </summary>
public sealed class LogprobResult(int maxRows, int maxTop)
{
    /// <summary>The most that a row can ask for.</summary>
    public int MaxTop { get; } = maxTop;

    /// <summary>NaN where the row's logits are broken (<see cref="SamplingPlan.BrokenLogits"/>): nothing else of it is filled in then.</summary>
    public float[] Chosen { get; } = new float[maxRows];

    /// <summary>1 = the most likely token: one more than the number of tokens with a larger logit.</summary>
    public int[] Rank { get; } = new int[maxRows];

    /// <summary>[row · MaxTop + i], most likely first, ties by the lower id.</summary>
    public int[] TopIds { get; } = new int[maxRows * maxTop];

    public float[] TopLogprobs { get; } = new float[maxRows * maxTop];
}
