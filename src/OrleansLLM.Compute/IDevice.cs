namespace OrleansLLM.Compute;

/// <summary>
/// The seam: coarse, fused operations in call order, destination last. One dedicated thread calls a device. After a warm-up of
/// the largest shapes, operations allocate no managed memory. Shapes are the caller's duty: a mismatch is a bug and throws
/// <see cref="ArgumentException"/>. T = rows (tokens) of a call.
/// </summary>
public interface IDevice : IDisposable
{
    DeviceDescription Description { get; }

    // ── memory and weights (while loading) ──────────────────────────────────────────────────────────────────────────────────

    /// <summary>Activations, [rows, columns].</summary>
    Tensor Allocate(int rows, int columns);

    /// <summary>Takes over a linear's parts, stacked by output, in the device's layout; the source may go afterwards.</summary>
    Weight Load(LinearSource source);

    /// <summary>Takes over the same matrix of every expert of a layer, all of one shape.</summary>
    ExpertWeights LoadExperts(IReadOnlyList<LinearSource> experts);

    /// <summary>Takes over a normalization; an empty bias is none.</summary>
    NormWeight LoadNorm(NormKind kind, float epsilon, ReadOnlySpan<float> scale, ReadOnlySpan<float> bias);

    KvCache AllocateKv(KvGeometry geometry, int blocks);

    HostBlocks AllocateHostBlocks(KvGeometry geometry, int blocks);

    /// <summary>Writes [rows, columns] of a tensor from host memory.</summary>
    void Upload(ReadOnlySpan<float> from, Tensor to);

    /// <summary>Waits for what was queued and reads a tensor into host memory.</summary>
    void Download(Tensor from, Span<float> to);

    // ── the forward pass ────────────────────────────────────────────────────────────────────────────────────────────────────

    /// <summary>to[t] = scale · table[ids[t]], with the table's rows decoded exactly.</summary>
    void Embed(ReadOnlySpan<int> ids, Weight table, float scale, Tensor to);

    /// <summary>to += x.</summary>
    void Add(Tensor x, Tensor to);

    /// <summary>to[t] = norm(x[t]); x and to may be the same.</summary>
    void Norm(Tensor x, NormWeight weight, Tensor to);

    /// <summary>residual += x, then to[t] = norm(residual[t]).</summary>
    void AddNorm(Tensor x, Tensor residual, NormWeight weight, Tensor to);

    /// <summary>to[t, o] = Σᵢ x[t, i] · weight[o, i] + bias[o].</summary>
    void Linear(Tensor x, Weight weight, Tensor to);

    /// <summary>
    /// Rows [q heads | k heads | v heads]: normalizes each q and k head if norms are given, turns the first 2 · Half numbers of each
    /// q and k head if a rope is given, leaves q in place and writes k and v, rounded to the cache's type, into their slots.
    /// </summary>
    void RotateAndStore(
        Tensor qkv, in AttentionShape shape, NormWeight? queryNorm, NormWeight? keyNorm, RopePlan? rope, AttentionPlan plan, KvLayer layer);

    /// <summary>
    /// to[t, h] = Σⱼ softmaxⱼ(score(q[t, h], kⱼ)) · vⱼ over the keys that row t sees, from the cache's blocks (the batch's own keys were
    /// stored first). q is [T, Heads · KeyWidth] (a slice of the qkv rows), to is [T, Heads · ValueWidth].
    /// </summary>
    void Attend(Tensor q, in AttentionShape shape, AttentionPlan plan, KvLayer layer, Tensor to);

    /// <summary>to[t, i] = activation(x[t, i]) · x[t, n + i] for rows [gate (n) | up (n)].</summary>
    void ActivateGated(Tensor gateUp, Activation activation, Tensor to);

    /// <summary>x = activation(x), in place.</summary>
    void Activate(Tensor x, Activation activation);

    /// <summary>Chooses each row's experts from the router's logits [T, Experts].</summary>
    void Route(Tensor logits, in RoutingShape shape, ExpertPlan to);

    /// <summary>
    /// to[t] = Σₖ weightₖ · down(activation(gate(x[t])) · up(x[t])) over row t's experts, added in rank order. gateUp's outputs are
    /// [gate | up].
    /// </summary>
    void ExpertMlp(Tensor x, ExpertWeights gateUp, ExpertWeights down, Activation activation, ExpertPlan plan, Tensor to);

    /// <summary>to[i] = head · x[rows[i]], capped to softCap · tanh(· / softCap) unless softCap is 0.</summary>
    void Logits(Tensor x, ReadOnlySpan<int> rows, Weight head, float softCap, Tensor to);

    // ── sampling ────────────────────────────────────────────────────────────────────────────────────────────────────────────

    /// <summary>
    /// Draws one token a row into <paramref name="tokens"/>, or leaves there why it draws none: <see cref="SamplingPlan.NothingAllowed"/>,
    /// <see cref="SamplingPlan.BrokenLogits"/>. The logits stay as they are.
    /// </summary>
    void Sample(Tensor logits, SamplingPlan plan, Span<int> tokens);

    /// <summary>
    /// Log probabilities of row i's <paramref name="chosen"/>[i] and of its <paramref name="top"/>[i] most likely tokens; rows with a
    /// negative top are left out. Results stand at <paramref name="firstRow"/> + i.
    /// </summary>
    void Logprobs(Tensor logits, ReadOnlySpan<int> chosen, ReadOnlySpan<int> top, int firstRow, LogprobResult to);

    // ── blocks ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

    void CopyBlocks(KvCache cache, ReadOnlySpan<BlockCopy> copies);

    Transfer MoveToHost(KvCache cache, HostBlocks host, ReadOnlySpan<BlockMove> moves);

    Transfer MoveFromHost(KvCache cache, HostBlocks host, ReadOnlySpan<BlockMove> moves);

    bool IsCompleted(Transfer transfer);
}
