using OrleansLLM.Compute;

namespace OrleansLLM.Models;

/// <summary>
/// A loaded decoder. It holds weights and activations; keys and values lie in the cache that the engine hands it. Called by the device's
/// thread only; allocates no managed memory after warm-up.
/// </summary>
public interface ICausalModel : IDisposable
{
    ModelFacts Facts { get; }

    /// <summary>Equal for equal weights and arithmetic; seeds the prefix hashes.</summary>
    string Fingerprint { get; }

    /// <summary>Rows that one <see cref="Forward"/> has room for.</summary>
    int MaxRows { get; }

    /// <summary>The cache that <see cref="Forward"/> reads and writes, of <see cref="ModelFacts.Cache"/>'s geometry.</summary>
    void Attach(KvCache cache);

    /// <summary>
    /// Computes the hidden states of all rows and writes their keys and values. The result stays with the model until the next
    /// call; <see cref="Logits"/> reads it.
    /// </summary>
    void Forward(ForwardBatch batch);

    /// <summary>to[i] = the logits that follow row rows[i] of the last <see cref="Forward"/>; to is [rows, vocabulary].</summary>
    void Logits(ReadOnlySpan<int> rows, Tensor to);
}

/// <summary>What the engine knows of a model; its configuration tells it, so it is known before there are weights.</summary>
/// <param name="Architecture">The catalog's name, such as <c>llama</c>.</param>
/// <param name="MaxLength">Positions that the model was made for (max_position_embeddings, context_length).</param>
/// <param name="DynamicRopeOrigin">
/// 0, or the original maximum of a dynamic rope scaling: a prompt that is longer turns all its keys by its own length, so that length
/// enters the prefix hash (see <see cref="ForwardBatch.RopeLengths"/>).
/// </param>
public sealed record ModelFacts(string Architecture, int VocabularySize, int MaxLength, CacheLayout Cache, int DynamicRopeOrigin);

/// <summary>
/// The flat arrays of one step, preallocated: row t is one token. The engine fills them, the model reads them.
/// </summary>
public sealed class ForwardBatch(int maxRows, int maxSequences, int groups, int maxTableEntries)
{
    private long _layersDone;

    public int Rows { get; set; }

    public int[] TokenIds { get; } = new int[maxRows];

    public int[] Positions { get; } = new int[maxRows];

    /// <summary>
    /// max(length of the original prompt, position + 1) of each row: what dynamic rope scalings take their base from, the same
    /// after a resume.
    /// </summary>
    public int[] RopeLengths { get; } = new int[maxRows];

    /// <summary>Layers that were computed so far, of all steps: whoever watches sees that a long step gets on. Any thread may read it.</summary>
    public long LayersDone => Interlocked.Read(ref _layersDone);

    /// <summary>The model calls it after each layer.</summary>
    public void CountLayer() => Interlocked.Increment(ref _layersDone);

    /// <summary>One plan a cache group.</summary>
    public AttentionPlan[] Plans { get; } =
        [.. Enumerable.Range(0, groups).Select(_ => new AttentionPlan(maxSequences, maxTableEntries))];
}
