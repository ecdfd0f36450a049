using OrleansLLM.Compute;

namespace OrleansLLM.Models.Tests;

/// <summary>One sequence that a <see cref="PagedModel"/> runs.</summary>
internal sealed class PagedSequence(int groups, int[] prompt)
{
    public List<int> Tokens { get; } = [.. prompt];

    public int PromptLength { get; } = prompt.Length;

    public int Computed { get; set; }

    /// <summary>The block table of each cache group.</summary>
    public List<int>[] Blocks { get; } = [.. Enumerable.Range(0, groups).Select(_ => new List<int>())];

    public int Pending => Tokens.Count - Computed;
}

/// <summary>
/// Runs a model through <see cref="ForwardBatch"/> as an engine would: blocks in scrambled order from one pool, tables per cache group,
/// blocks behind a window taken away.
/// </summary>
internal sealed class PagedModel : IDisposable
{
    private readonly IDevice _device;
    private readonly ICausalModel _model;
    private readonly KvCache _cache;
    private readonly ForwardBatch _batch;
    private readonly Tensor _logits;
    private readonly Stack<int> _free;

    public PagedModel(ModelFile file, IDevice device, ModelLoadOptions options, int maxSequences, int blocks)
    {
        _device = device;
        _model = file.Load(device, options);
        Facts = _model.Facts;
        _cache = device.AllocateKv(Facts.Cache.Geometry, blocks);
        _model.Attach(_cache);
        _batch = new(options.MaxRows, maxSequences, Facts.Cache.Groups.Count, blocks);
        _logits = device.Allocate(options.MaxRows, Facts.VocabularySize);
        _free = new(Enumerable.Range(0, blocks).OrderBy(block => block * 7919 % 1009));
    }

    public ModelFacts Facts { get; }

    public PagedSequence Start(int[] prompt) => new(Facts.Cache.Groups.Count, prompt);

    /// <summary>Computes the next rows of each sequence; the logits of all rows, sequence by sequence.</summary>
    public float[][][] Step(IReadOnlyList<(PagedSequence Sequence, int Rows)> work)
    {
        Fill(work);
        _model.Forward(_batch);
        var rows = Enumerable.Range(0, _batch.Rows).ToArray();
        _model.Logits(rows, _logits.Take(rows.Length));
        var all = new float[rows.Length * Facts.VocabularySize];
        _device.Download(_logits.Take(rows.Length), all);
        var first = 0;
        return [.. work.Select(item =>
        {
            var part = Enumerable.Range(first, item.Rows).Select(row => all.AsSpan(row * Facts.VocabularySize, Facts.VocabularySize).ToArray()).ToArray();
            first += item.Rows;
            item.Sequence.Computed += item.Rows;
            return part;
        })];
    }

    public void Dispose()
    {
        _model.Dispose();
        _cache.Dispose();
        _logits.Memory.Dispose();
        _device.Dispose();
    }

    private void Fill(IReadOnlyList<(PagedSequence Sequence, int Rows)> work)
    {
        var row = 0;
        foreach (var (sequence, count) in work)
        {
            for (var i = 0; i < count; i++, row++)
            {
                var position = sequence.Computed + i;
                _batch.TokenIds[row] = sequence.Tokens[position];
                _batch.Positions[row] = position;
                _batch.RopeLengths[row] = Math.Max(sequence.PromptLength, position + 1);
            }
        }

        _batch.Rows = row;
        for (var group = 0; group < _batch.Plans.Length; group++)
        {
            FillPlan(_batch.Plans[group], group, work);
        }
    }

    private void FillPlan(AttentionPlan plan, int group, IReadOnlyList<(PagedSequence Sequence, int Rows)> work)
    {
        plan.BlockSize = Facts.Cache.Geometry.BlockSize;
        plan.Sequences = work.Count;
        for (var i = 0; i < work.Count; i++)
        {
            var (sequence, rows) = work[i];
            var table = sequence.Blocks[group];
            Free(table, sequence.Computed - Facts.Cache.Groups[group].Window + 1, Facts.Cache.Groups[group].Window);
            while (table.Count * plan.BlockSize < sequence.Computed + rows)
            {
                table.Add(_free.Pop());
            }

            plan.QueryStarts[i + 1] = plan.QueryStarts[i] + rows;
            plan.FirstPositions[i] = sequence.Computed;
            plan.TableStarts[i + 1] = plan.TableStarts[i] + table.Count;
            table.CopyTo(plan.BlockTables, plan.TableStarts[i]);
        }
    }

    private void Free(List<int> table, int firstSeen, int window)
    {
        for (var block = 0; window > 0 && (block + 1) * Facts.Cache.Geometry.BlockSize <= firstSeen && block < table.Count; block++)
        {
            if (table[block] >= 0)
            {
                _free.Push(table[block]);
                table[block] = -1;
            }
        }
    }
}
