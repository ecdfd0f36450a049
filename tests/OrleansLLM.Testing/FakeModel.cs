using OrleansLLM.Compute;
using OrleansLLM.Models;

namespace OrleansLLM.Testing;

/// <summary>
/// A model whose cache slots hold tokens and whose logits are a hash of all that it reads back through the block tables: any mistake with a block
/// changes the output. It runs on <see cref="FakeModelDevice"/>, and its Continue says what it must give.
/// </summary>
public sealed class FakeModel : ICausalModel
{
    private readonly int _dynamicRopeOrigin;
    private readonly ulong[] _states;
    private readonly bool[] _broken;
    private FakeKv? _kv;

    /// <param name="windows">One cache group each; 0 sees everything.</param>
    public FakeModel(int blockSize, IReadOnlyList<int> windows, int vocabulary = 64, int maxLength = 1 << 20, int maxRows = 2048, int dynamicRopeOrigin = 0)
    {
        _dynamicRopeOrigin = dynamicRopeOrigin;
        _states = new ulong[maxRows];
        _broken = new bool[maxRows];
        var geometry = new KvGeometry(blockSize, 1, 1, 1, 1, ElementType.Float32);
        Facts = new ModelFacts(
            "fake", vocabulary, maxLength, new CacheLayout(geometry, [.. windows.Select(window => new CacheGroup(window))]), dynamicRopeOrigin);
    }

    public ModelFacts Facts { get; }

    public string Fingerprint => $"fake-{Facts.VocabularySize}";

    public int MaxRows => _states.Length;

    /// <summary>Rows of all forward passes: what the engine computed rather than found in the cache.</summary>
    public long ComputedRows { get; private set; }

    /// <summary>Throws this from the next forward pass, once.</summary>
    public Exception? NextFailure { get; set; }

    /// <summary>What attends to this token has logits that are no numbers.</summary>
    public int? BrokenToken { get; set; }

    /// <summary>Runs at the beginning of each forward pass, on the step's thread.</summary>
    public Action<ForwardBatch>? BeforeForward { get; set; }

    public void Attach(KvCache cache) => _kv = (FakeKv)cache;

    public void Forward(ForwardBatch batch)
    {
        BeforeForward?.Invoke(batch);
        if (NextFailure is { } failure)
        {
            NextFailure = null;
            throw failure;
        }

        ComputedRows += batch.Rows;
        foreach (var plan in batch.Plans)
        {
            Store(batch, plan);
        }

        Array.Clear(_states, 0, batch.Rows);
        Array.Clear(_broken, 0, batch.Rows);
        for (var group = 0; group < batch.Plans.Length; group++)
        {
            Read(batch.Plans[group], Facts.Cache.Groups[group].Window);
        }
    }

    public void Logits(ReadOnlySpan<int> rows, Tensor to)
    {
        for (var i = 0; i < rows.Length; i++)
        {
            FillLogits(_states[rows[i]], ReferenceDevice.Row(to, i));
            if (_broken[rows[i]])
            {
                ReferenceDevice.Row(to, i)[^1] = float.NaN;
            }
        }
    }

    public void Dispose()
    {
    }

    /// <summary>The logits that follow these tokens, from the definition alone.</summary>
    public float[] Logits(ReadOnlySpan<int> tokens, int promptLength)
    {
        var state = 0UL;
        var query = tokens.Length - 1;
        foreach (var group in Facts.Cache.Groups)
        {
            for (var position = FirstSeen(group.Window, query); position <= query; position++)
            {
                state = Mix(state ^ Slot(tokens[position], position, Math.Max(promptLength, position + 1)));
            }
        }

        var logits = new float[Facts.VocabularySize];
        FillLogits(state, logits);
        return logits;
    }

    /// <summary>The tokens that greedy generation gives behind <paramref name="tokens"/>.</summary>
    public int[] Continue(ReadOnlySpan<int> tokens, int count) => Continue(tokens, tokens.Length, count);

    public int[] Continue(ReadOnlySpan<int> tokens, int promptLength, int count)
    {
        var all = new List<int>(tokens.ToArray());
        for (var i = 0; i < count; i++)
        {
            all.Add(ArgMax(Logits(all.ToArray(), promptLength)));
        }

        return [.. all[tokens.Length..]];
    }

    public static int ArgMax(ReadOnlySpan<float> logits)
    {
        var best = 0;
        for (var i = 1; i < logits.Length; i++)
        {
            best = logits[i] > logits[best] ? i : best;
        }

        return best;
    }

    private void Store(ForwardBatch batch, AttentionPlan plan)
    {
        for (var sequence = 0; sequence < plan.Sequences; sequence++)
        {
            for (var row = plan.QueryStarts[sequence]; row < plan.QueryStarts[sequence + 1]; row++)
            {
                var position = batch.Positions[row];
                _kv![SlotIndex(plan, sequence, position)] = Slot(batch.TokenIds[row], position, batch.RopeLengths[row]);
            }
        }
    }

    private void Read(AttentionPlan plan, int window)
    {
        for (var sequence = 0; sequence < plan.Sequences; sequence++)
        {
            for (var row = plan.QueryStarts[sequence]; row < plan.QueryStarts[sequence + 1]; row++)
            {
                var query = plan.FirstPositions[sequence] + row - plan.QueryStarts[sequence];
                for (var position = FirstSeen(window, query); position <= query; position++)
                {
                    var slot = _kv![SlotIndex(plan, sequence, position)];
                    _states[row] = Mix(_states[row] ^ slot);
                    _broken[row] |= (int)(slot & 0xFFFFFF) - 1 == BrokenToken;
                }
            }
        }
    }

    private static int SlotIndex(AttentionPlan plan, int sequence, int position)
    {
        var block = plan.BlockTables[plan.TableStarts[sequence] + (position / plan.BlockSize)];
        return block < 0
            ? throw new InvalidOperationException($"Position {position} is needed but its block is gone.")
            : (block * plan.BlockSize) + (position % plan.BlockSize);
    }

    private static int FirstSeen(int window, int query) => window == 0 ? 0 : Math.Max(0, query - window + 1);

    private ulong Slot(int token, int position, int ropeLength) =>
        (uint)token + 1UL + ((ulong)position << 24)
        + (_dynamicRopeOrigin > 0 && ropeLength > _dynamicRopeOrigin ? (ulong)ropeLength << 44 : 0);

    private static void FillLogits(ulong state, Span<float> logits)
    {
        for (var token = 0; token < logits.Length; token++)
        {
            logits[token] = (Mix(state + (ulong)token) >> 40) * (8f / (1 << 24));
        }
    }

    private static ulong Mix(ulong value)
    {
        value = (value ^ (value >> 31)) * 0x9E3779B97F4A7C15;
        value = (value ^ (value >> 29)) * 0xBF58476D1CE4E5B9;
        return value ^ (value >> 32);
    }
}

/// <summary>One number a slot; 0 was never written.</summary>
internal sealed class FakeKv(KvGeometry geometry, int blocks) : KvCache
{
    private readonly ulong[] _slots = new ulong[blocks * geometry.BlockSize];

    public override KvGeometry Geometry { get; } = geometry;

    public override int Blocks { get; } = blocks;

    public override long ByteLength => Blocks * Geometry.BytesPerBlock;

    public ref ulong this[int slot] => ref _slots[slot];

    public Span<ulong> Block(int block) => _slots.AsSpan(block * Geometry.BlockSize, Geometry.BlockSize);

    protected override void Dispose(bool disposing)
    {
    }
}
