using System.Runtime.InteropServices;
using OrleansLLM.Compute;
using OrleansLLM.Models;

namespace OrleansLLM.Engine;

/// <summary>
/// Runs one batch: copies, forward pass, draws. Flattens sequences into preallocated arrays, below which there are no objects any more.
/// Logits come in tiles, so neither many draws nor a long prompt's log probabilities need a large buffer. Allocates nothing after warm-up.
/// </summary>
internal sealed class ModelRunner : IDisposable
{
    /// <summary>Numbers of one tile of logits: 16 MiB.</summary>
    private const int TileNumbers = 4 << 20;

    private readonly ICausalModel _model;
    private readonly IDevice _device;
    private readonly KvCache _cache;
    private readonly CacheShape _shape;
    private readonly ForwardBatch _forward;
    private readonly Tensor _logits;
    private readonly SamplingPlan _plan;
    private readonly LogprobResult _logprobs;
    private readonly Sequence[] _drawing;
    private readonly int[] _rows;
    private readonly int[] _chosen;
    private readonly int[] _top;
    private long _tilesDone;

    public ModelRunner(ICausalModel model, IDevice device, KvCache cache, CacheShape shape, EngineOptions options, int maxLength)
    {
        (_model, _device, _cache, _shape) = (model, device, cache, shape);
        var vocabulary = model.Facts.VocabularySize;
        var tile = Math.Clamp(TileNumbers / vocabulary, 1, Math.Max(options.MaxSequences, 64));
        var tables = Math.Min((long)options.MaxSequences * shape.BlocksFor(maxLength), Array.MaxLength);
        _forward = new ForwardBatch(options.MaxBatchedTokens, options.MaxSequences, shape.Groups.Count, (int)tables);
        _logits = device.Allocate(tile, vocabulary);
        _plan = new SamplingPlan(tile, (int)Math.Min((long)tile * Math.Min(vocabulary, maxLength), Array.MaxLength));
        _logprobs = new LogprobResult(tile, GenerationLimits.MaxLogprobs);
        _drawing = new Sequence[options.MaxSequences];
        _rows = new int[Math.Max(options.MaxBatchedTokens, options.MaxSequences)];
        _chosen = new int[tile];
        _top = new int[tile];
        Drawn = new int[options.MaxSequences];
        DrawnLogprobs = new TokenLogprobs?[options.MaxSequences];
    }

    /// <summary>
    /// The tokens of the last run's draws, or why there is none (<see cref="SamplingPlan"/>): for each entry that draws, its own, then its
    /// followers', of those that want tokens.
    /// </summary>
    public int[] Drawn { get; }

    /// <summary>Counts layers and tiles of logits. Any thread may read it.</summary>
    public long Progress => _forward.LayersDone + Interlocked.Read(ref _tilesDone);

    /// <summary>Beside <see cref="Drawn"/>, where they were asked for.</summary>
    public TokenLogprobs?[] DrawnLogprobs { get; }

    public void Run(Batch batch)
    {
        if (batch.Copies.Count > 0)
        {
            _device.CopyBlocks(_cache, CollectionsMarshal.AsSpan(batch.Copies));
        }

        if (batch.Tokens == 0)
        {
            return;
        }

        Flatten(batch);
        _model.Forward(_forward);
        ScorePrompts(batch);
        DrawTokens(batch);
    }

    public void Dispose() => _logits.Memory.Dispose();

    private void Flatten(Batch batch)
    {
        _forward.Rows = batch.Tokens;
        var row = 0;
        for (var i = 0; i < batch.Entries.Count; i++)
        {
            var (sequence, count) = (batch.Entries[i].Sequence, batch.Entries[i].Count);
            sequence.Tokens.Slice(sequence.Computed, count).CopyTo(_forward.TokenIds.AsSpan(row));
            for (var j = 0; j < count; j++)
            {
                _forward.Positions[row + j] = sequence.Computed + j;
                _forward.RopeLengths[row + j] = Math.Max(sequence.PromptLength, sequence.Computed + j + 1);
            }

            row += count;
        }

        for (var group = 0; group < _shape.Groups.Count; group++)
        {
            FlattenPlan(batch, group, _forward.Plans[group]);
        }
    }

    private void FlattenPlan(Batch batch, int group, AttentionPlan plan)
    {
        plan.BlockSize = _shape.BlockSize;
        plan.Sequences = batch.Entries.Count;
        plan.QueryStarts[0] = 0;
        plan.TableStarts[0] = 0;
        for (var i = 0; i < batch.Entries.Count; i++)
        {
            var (sequence, count) = (batch.Entries[i].Sequence, batch.Entries[i].Count);
            var blocks = sequence.Tables.Blocks(group);
            blocks.CopyTo(plan.BlockTables.AsSpan(plan.TableStarts[i]));
            plan.FirstPositions[i] = sequence.Computed;
            plan.QueryStarts[i + 1] = plan.QueryStarts[i] + count;
            plan.TableStarts[i + 1] = plan.TableStarts[i] + blocks.Length;
        }
    }

    /// <summary>Log probabilities of the prompt tokens that the rows of this step predict, tile by tile.</summary>
    private void ScorePrompts(Batch batch)
    {
        var row = 0;
        for (var i = 0; i < batch.Entries.Count; i++)
        {
            var (sequence, count) = (batch.Entries[i].Sequence, batch.Entries[i].Count);
            var end = Math.Min(sequence.Computed + count, sequence.PromptLength - 1);
            for (var first = sequence.Computed; sequence.NeedsWholePrompt && first < end; first += _chosen.Length)
            {
                ScoreTile(sequence, row + first - sequence.Computed, first, Math.Min(_chosen.Length, end - first));
            }

            row += count;
        }
    }

    private void ScoreTile(Sequence sequence, int row, int position, int count)
    {
        for (var i = 0; i < count; i++)
        {
            _rows[i] = row + i;
            _chosen[i] = sequence.Tokens[position + i + 1];
            _top[i] = Math.Min(sequence.Request.Sampling.PromptLogprobs ?? 0, _model.Facts.VocabularySize);
        }

        var logits = _logits.Take(count);
        _model.Logits(_rows.AsSpan(0, count), logits);
        Interlocked.Increment(ref _tilesDone);
        _device.Logprobs(logits, _chosen.AsSpan(0, count), _top.AsSpan(0, count), 0, _logprobs);
        for (var i = 0; i < count; i++)
        {
            if (float.IsNaN(_logprobs.Chosen[i]))
            {
                sequence.AreLogitsBroken = true;
                return;
            }

            sequence.FillPromptLogprobs(position + i + 1, _logprobs.Chosen[i], _logprobs.Rank[i], TopIds(i), TopLogprobs(i));
        }
    }

    private void DrawTokens(Batch batch)
    {
        var draws = CollectDraws(batch);
        for (var first = 0; first < draws; first += _chosen.Length)
        {
            var count = Math.Min(_chosen.Length, draws - first);
            var sequences = _drawing.AsSpan(first, count);
            var logits = _logits.Take(count);
            Sampler.Fill(_plan, sequences);
            _model.Logits(_rows.AsSpan(first, count), logits);
            Interlocked.Increment(ref _tilesDone);
            _device.Sample(logits, _plan, Drawn.AsSpan(first, count));
            for (var i = 0; i < count; i++)
            {
                sequences[i].AreLogitsBroken |= Drawn[first + i] == SamplingPlan.BrokenLogits;
            }

            ReadDrawnLogprobs(logits, first, sequences);
        }

        Array.Clear(_drawing, 0, draws);
    }

    private int CollectDraws(Batch batch)
    {
        var (row, draws) = (0, 0);
        for (var i = 0; i < batch.Entries.Count; i++)
        {
            var entry = batch.Entries[i];
            row += entry.Count;
            if (entry.Sequence.Computed + entry.Count < entry.Sequence.Count)
            {
                continue;
            }

            draws = AddDraw(entry.Sequence, row - 1, draws);
            for (var follower = 0; follower < entry.Followers; follower++)
            {
                draws = AddDraw(batch.Followers[entry.FirstFollower + follower], row - 1, draws);
            }
        }

        return draws;
    }

    private int AddDraw(Sequence sequence, int row, int draws)
    {
        if (!sequence.WantsTokens)
        {
            return draws;
        }

        _rows[draws] = row;
        _drawing[draws] = sequence;
        return draws + 1;
    }

    private void ReadDrawnLogprobs(Tensor logits, int first, ReadOnlySpan<Sequence> sequences)
    {
        var wanted = false;
        for (var i = 0; i < sequences.Length; i++)
        {
            _top[i] = Drawn[first + i] < 0 ? -1 : Math.Min(sequences[i].Sampling.Logprobs ?? -1, _model.Facts.VocabularySize);
            wanted |= _top[i] >= 0;
            DrawnLogprobs[first + i] = null;
        }

        if (!wanted)
        {
            return;
        }

        _device.Logprobs(logits, Drawn.AsSpan(first, sequences.Length), _top.AsSpan(0, sequences.Length), 0, _logprobs);
        for (var i = 0; i < sequences.Length; i++)
        {
            DrawnLogprobs[first + i] = _top[i] < 0
                ? null
                : sequences[i].FillLogprobs(_logprobs.Chosen[i], _logprobs.Rank[i], TopIds(i), TopLogprobs(i));
        }
    }

    private ReadOnlySpan<int> TopIds(int row) => _logprobs.TopIds.AsSpan(row * _logprobs.MaxTop, _top[row]);

    private ReadOnlySpan<float> TopLogprobs(int row) => _logprobs.TopLogprobs.AsSpan(row * _logprobs.MaxTop, _top[row]);
}
